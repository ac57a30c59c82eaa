CREATE TEMPORARY TABLE scratch (id INT, weird ENUM('a'));
INSERT INTO scratch VALUES (1, 'a');
INSERT INTO t SELECT id + 1, 5 FROM scratch;
DROP TEMPORARY TABLE scratch;
