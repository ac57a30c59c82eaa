CREATE TABLE t (a INT NOT NULL, b VARCHAR(50), c TEXT, d INT, e VARBINARY(300), PRIMARY KEY (a), UNIQUE KEY ub (b), UNIQUE KEY ud (d, b), KEY kc (c(20)), KEY ke (e(10), a), KEY `odd name` (d) COMMENT 'it''s a key') DEFAULT CHARSET utf8mb4;
INSERT INTO t VALUES (1,'x','text',5,'bytes'),(2,NULL,NULL,NULL,NULL);
