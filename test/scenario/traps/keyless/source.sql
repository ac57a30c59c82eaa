CREATE TABLE k (a INT, b VARCHAR(20), f FLOAT, d DATETIME(3));
INSERT INTO k VALUES (1, 'x', 0.1, '2024-01-01 00:00:00.5'), (1, 'x', 0.1, '2024-01-01 00:00:00.5'), (1, 'x', 0.1, '2024-01-01 00:00:00.5'), (NULL, NULL, NULL, NULL), (NULL, NULL, NULL, NULL), (2, '', 1.5, NULL), (2, NULL, 1.5, NULL), (2, 'X', 3, NULL), (2, 'x ', 3, NULL), (2, 'x', 3, NULL);
