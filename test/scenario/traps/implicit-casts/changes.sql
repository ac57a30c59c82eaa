SET sql_mode = '';
UPDATE p SET e = '0', s = '2' WHERE id = 1;
UPDATE p SET e = 0, s = 3 WHERE id = 2;
INSERT INTO p VALUES (4, 'toolong', 'toolong', 'nope', 'nope', 2000, REPEAT('x', 40), 'abc', 1e30);
DELETE FROM p WHERE id = 3;
UPDATE p SET c = CONCAT(c, ' '), d = d / 3;
