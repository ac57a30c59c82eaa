CREATE TABLE chosen (PRIMARY KEY (id)) SELECT id, v, id * 2 AS twice FROM t;
INSERT INTO chosen VALUES (3, 'c', 6);
