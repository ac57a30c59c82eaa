INSERT INTO e VALUES (6, '', NULL, b'1111111111');
SET sql_mode = '';
UPDATE e SET a = 0 WHERE id = 1;
UPDATE e SET a = '' WHERE id = 2;
UPDATE e SET s = 'c,a,b', b = b + 1 WHERE id = 3;
DELETE FROM e WHERE id = 5;
