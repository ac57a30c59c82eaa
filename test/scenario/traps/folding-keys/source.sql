CREATE TABLE k (name VARCHAR(20) CHARACTER SET utf8 COLLATE utf8_general_ci NOT NULL PRIMARY KEY, n INT, code VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_swedish_ci, UNIQUE KEY (code));
INSERT INTO k VALUES ('Anna', 1, 'a'), ('bert', 2, 'B'), ('Zoë', 3, 'ä2'), ('x y', 4, NULL), ('', 5, '');
