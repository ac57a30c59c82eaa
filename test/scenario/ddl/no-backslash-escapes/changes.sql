SET sql_mode = 'NO_BACKSLASH_ESCAPES';
CREATE TABLE made (id INT PRIMARY KEY, a VARCHAR(20) DEFAULT 'c:\') COMMENT = '\n';
SET sql_mode = '';
INSERT INTO made (id) VALUES (1);
