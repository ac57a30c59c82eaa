DELETE FROM twins WHERE CAST(d AS CHAR) = '1.0';
UPDATE twins SET d = '"gone"' WHERE CAST(d AS CHAR) = '[1, 2.0]';
INSERT INTO twins VALUES ('2.0'), ('2');
DELETE FROM twins WHERE CAST(d AS CHAR) = '2';
