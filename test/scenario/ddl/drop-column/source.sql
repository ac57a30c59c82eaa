CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT, c INT, KEY ka (a), KEY kab (a, b));
INSERT INTO t VALUES (1, 1, 1, 1);
