CREATE TABLE b (id BINARY(4) NOT NULL, v VARBINARY(20), x BLOB, c CHAR(10), t TEXT, PRIMARY KEY (id));
INSERT INTO b VALUES ('a', 'a\0\0', '', 'a   ', 'a  '), ('ab\0\0', '\0', '\0\0', '', ''), ('\0', NULL, NULL, NULL, NULL), (X'FF00FF00', X'00FF27225C0A0D1A', X'00FF27225C0A0D1A', '''\\"', '''\\"\n\r\t');
