UPDATE k SET name = 'ANNA' WHERE n = 1;
UPDATE k SET name = 'Bert ' WHERE n = 2;
DELETE FROM k WHERE n = 3;
INSERT INTO k VALUES ('zoe', 6, 'a2');
UPDATE k SET code = 'c' WHERE n = 1;
UPDATE k SET code = 'A' WHERE n = 2;
UPDATE k SET name = 'X Y' WHERE n = 4;
DELETE FROM k WHERE n = 5;
INSERT INTO k VALUES ('  ', 7, ' ');
