INSERT INTO b VALUES ('b', X'2700', X'5C', 'x', 'y');
UPDATE b SET v = CONCAT(v, X'00'), c = 'b  ', t = 'b  ' WHERE id = X'61000000';
UPDATE b SET id = 'zz' WHERE id = X'00000000';
UPDATE b SET x = NULL, v = '' WHERE id = X'FF00FF00';
DELETE FROM b WHERE id = X'61620000';
