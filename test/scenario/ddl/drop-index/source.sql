CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT, KEY ka (a), UNIQUE KEY ub (b), KEY kab (a, b));
INSERT INTO t VALUES (1, 1, 1);
