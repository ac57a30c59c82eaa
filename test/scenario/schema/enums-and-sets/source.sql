CREATE TABLE t (id INT PRIMARY KEY, a ENUM('x','y','z') NOT NULL DEFAULT 'y', b SET('one','two','three') DEFAULT 'one,three', c ENUM('it''s','a"b','back\\slash','') DEFAULT 'it''s' COMMENT 'quo''tes', d ENUM('ä','日本') CHARACTER SET utf8mb4) DEFAULT CHARSET utf8mb4;
INSERT INTO t VALUES (1,'z','two','back\\slash','日本'),(2,'x','','','ä');
INSERT INTO t (id) VALUES (3);
