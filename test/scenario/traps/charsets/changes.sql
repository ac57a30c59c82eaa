-- The same among the changes.
UPDATE d.sjis_t SET v = CONCAT(v, "~\\") WHERE k = "C:\\data~1";
DELETE FROM d.sjis_t WHERE k = "a";
INSERT INTO sjis_t VALUES ("D:\\~", "表示ソ\\~", "ソ~", "ﾊﾝｶｸ\\", "ア");
INSERT INTO big5_t VALUES (11, CONVERT(x'A145A14EA1E3A1F2A1F3A241A242A244A246A247' USING big5)), (12, '功許蓋');
INSERT INTO ujis_t VALUES (11, CONVERT(x'A1C08FA2B78EB1' USING ujis)), (12, '日本語');
INSERT INTO euckr_t VALUES (11, '한국어~\\');
INSERT INTO greek_t VALUES (11, CONVERT(x'A1A2C1' USING greek));
INSERT INTO hebrew_t VALUES (11, CONVERT(x'AFE0' USING hebrew));
INSERT INTO small_t VALUES (11, CONVERT(x'FCFD' USING cp866), CONVERT(x'95' USING koi8u), CONVERT(x'C6' USING macroman), CONVERT(x'A2ADFE' USING armscii8), CONVERT(x'FD' USING geostd8), 'ก', '～ー', 'č', 'é漢😀', 'é漢😀', CONVERT(x'80818D' USING latin1), 'é漢', '日～');
