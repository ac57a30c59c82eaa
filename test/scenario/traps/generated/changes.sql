INSERT INTO g (id, a, d) VALUES (4, 4, 4);
UPDATE g SET a = 10 WHERE id = 1;
UPDATE g SET a = 1 WHERE id = 2;
DELETE FROM g WHERE id = 3;
