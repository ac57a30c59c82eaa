-- What a table leaves to its database is what that has just then.
CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO a VALUES (1, '一乙');
ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE tag (name VARCHAR(50) PRIMARY KEY);
INSERT INTO tag VALUES ('a'), ('A'), ('á');
