CREATE TABLE t (id INT UNIQUE, a INT, b INT, KEY (a), KEY (a, b), UNIQUE (b), INDEX (b, a));
INSERT INTO t VALUES (1,1,1),(2,2,2),(NULL,3,3);
