SET sql_generate_invisible_primary_key = ON;
CREATE TABLE i (a INT, b VARCHAR(20));
INSERT INTO i VALUES (1, 'x'), (1, 'x'), (2, NULL);
CREATE TABLE h (id INT PRIMARY KEY, v INT INVISIBLE, w INT);
INSERT INTO h (id, v, w) VALUES (1, 11, 111), (2, NULL, 222);
