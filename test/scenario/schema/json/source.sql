CREATE TABLE t (id INT PRIMARY KEY, j JSON, k JSON NOT NULL);
INSERT INTO t VALUES (1,'{"b": [1, 2.5, "x", null, true], "a": {}}','[]'),(2,NULL,'"text"');
