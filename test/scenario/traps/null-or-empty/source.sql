CREATE TABLE n (id INT PRIMARY KEY, a VARCHAR(10), b VARCHAR(10), c INT);
INSERT INTO n VALUES (1, NULL, 'a', 0), (2, 'a', NULL, NULL), (3, '', NULL, 1), (4, NULL, '', 1), (5, NULL, NULL, NULL), (6, '', '', 0);
