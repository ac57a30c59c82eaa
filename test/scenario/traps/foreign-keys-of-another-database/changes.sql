-- The child's database has the parent, whatever the session's is.
CREATE DATABASE IF NOT EXISTS godwit_aside;
USE godwit_aside;
CREATE TABLE d.child (id INT PRIMARY KEY, p INT, KEY (p), FOREIGN KEY (p) REFERENCES parent (id)) ENGINE=InnoDB;
ALTER TABLE d.other ADD CONSTRAINT other_parent FOREIGN KEY (p) REFERENCES parent (id);
INSERT INTO d.child VALUES (1, 2);
DROP DATABASE godwit_aside;
