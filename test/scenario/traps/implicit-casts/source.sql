CREATE TABLE p (id INT PRIMARY KEY, c CHAR(5), b BINARY(5), e ENUM('1','0','2'), s SET('1','2'), y YEAR, j VARCHAR(20), d DECIMAL(10,3), n DECIMAL(20,0));
SET sql_mode = '';
INSERT INTO p VALUES (1, 'a  ', 'a', 1, 1, 24, '007', 1.0005, 1e10), (2, '', '', '1', '1', 0, '', -0.0005, -0), (3, NULL, NULL, 99, 0, 1901, '\\', 999999999, 99999999999999999999);
