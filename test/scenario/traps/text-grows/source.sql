-- Two bytes of each of these characters become three.
CREATE TABLE g (id INT PRIMARY KEY, a TEXT CHARACTER SET gb18030 COLLATE gb18030_unicode_520_ci, b TEXT CHARACTER SET utf16 COLLATE utf16_polish_ci, c TINYTEXT CHARACTER SET utf16le);
INSERT INTO g VALUES (1, REPEAT('字', 32000), REPEAT('字', 32000), REPEAT('字', 120));
