UPDATE n SET a = '', b = NULL WHERE id = 1;
UPDATE n SET a = NULL, b = 'a' WHERE id = 2;
UPDATE n SET a = b, b = a WHERE id = 3;
INSERT INTO n VALUES (7, 'NULL', 'null', NULL);
