CREATE TABLE s (id INT PRIMARY KEY, u INT NOT NULL UNIQUE, v VARCHAR(10));
INSERT INTO s VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c'), (4, 40, 'd'), (5, 50, 'e');
