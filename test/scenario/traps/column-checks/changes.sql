-- A column's own check goes with its definition, the table's stays.
ALTER TABLE t MODIFY j TEXT;
INSERT INTO t VALUES (2, 'no json', 1, 1);
ALTER TABLE t MODIFY a INT CHECK (a > -10);
INSERT INTO t VALUES (3, NULL, -5, 1);
ALTER TABLE t CHANGE b c INT;
INSERT INTO t VALUES (4, NULL, 99, -1);
ALTER TABLE t ADD COLUMN k JSON;
ALTER TABLE t MODIFY k JSON CHECK (k <> '');
INSERT INTO t VALUES (5, NULL, 1, 1, 'no json');
