SET sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';
CREATE TABLE e (id INT PRIMARY KEY, a ENUM('x','','z') , s SET('a','b','c'), b BIT(10));
INSERT IGNORE INTO e VALUES (1, 'x', 'a,c', b'1010101010'), (2, 0, '', b'0'), (3, '', 'b', NULL), (4, 3, 7, b'1');
INSERT IGNORE INTO e VALUES (5, 'not there', 'a', b'11');
INSERT IGNORE INTO e VALUES (21, 0, '', b'0'), (22, 'not there', 'b', NULL);
