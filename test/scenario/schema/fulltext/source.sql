CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(200), b TEXT, FULLTEXT KEY fa (a), FULLTEXT KEY fab (a, b)) DEFAULT CHARSET utf8mb4;
INSERT INTO t VALUES (1,'some words','and some more');
