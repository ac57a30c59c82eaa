CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) COLLATE utf8mb4_0900_ai_ci, b VARCHAR(20) COLLATE utf8mb4_0900_as_cs, c VARCHAR(20) COLLATE utf8mb4_bin, d VARCHAR(20) COLLATE utf8mb4_unicode_520_ci, e VARCHAR(20) COLLATE utf8mb4_general_ci, f VARCHAR(20) COLLATE utf8mb4_0900_bin, UNIQUE KEY (c), KEY (a));
INSERT INTO t VALUES (1,'a','b','c','d','e','f'),(2,'A','B','C','D','E','F');
