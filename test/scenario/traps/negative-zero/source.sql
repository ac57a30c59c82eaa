CREATE TABLE t (id INT PRIMARY KEY, d DOUBLE, f FLOAT, KEY d (d));
CREATE TABLE keyless (d DOUBLE, f FLOAT);
INSERT INTO t VALUES (1, -0e0, -0e0), (2, 0e0, 0e0), (3, -5e-324, -1e-45), (4, 1, 1);
INSERT INTO keyless SELECT d, f FROM t;
