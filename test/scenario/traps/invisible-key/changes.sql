INSERT INTO i VALUES (1, 'x'), (3, 'z');
UPDATE i SET b = 'y' LIMIT 1;
DELETE FROM i WHERE a = 2;
UPDATE h SET v = 12 WHERE id = 1;
INSERT INTO h (id, v, w) VALUES (3, 33, 333);
