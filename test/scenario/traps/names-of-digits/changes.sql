-- Not quoted, behind the name of their database.
CREATE TABLE d.2025_orders LIKE d.2024_orders;
INSERT INTO d.2025_orders VALUES (1, 5, 'new');
ALTER TABLE d.2024_orders ADD COLUMN 2nd INT DEFAULT 7, ADD KEY 3rd (1st);
INSERT INTO d.2024_orders (id, 1st) VALUES (3, 3);
TRUNCATE TABLE d.1e3;
INSERT INTO d.1e3 VALUES (9);
RENAME TABLE d.1e3 TO d.1e4;
INSERT INTO d.1e4 VALUES (10);
DROP TABLE d.2023_gone;
