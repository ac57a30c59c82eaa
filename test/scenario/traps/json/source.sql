CREATE TABLE j (id INT PRIMARY KEY, d JSON);
INSERT INTO j VALUES (1, '{"b": 1, "a": [1, 2.50, 1e3, true, null, "x"], "aa": {}}'), (2, '[]'), (3, 'null'), (4, NULL), (5, '"text ü 😀 \\" \\\\"'), (6, '18446744073709551615'), (7, '-9223372036854775808'), (8, '1.0');
INSERT INTO j VALUES (9, JSON_OBJECT('d', CAST('2024-01-02 03:04:05.678' AS DATETIME(3)), 'n', CAST(12.340 AS DECIMAL(10,3)), 'b', TRUE));
