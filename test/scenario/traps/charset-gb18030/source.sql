-- In two bytes and in four, on both sides of what two standards read differently.
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(60)) CHARACTER SET gb18030;
INSERT INTO t VALUES (1, CONVERT(x'A6D9FE51FE52' USING gb18030)), (2, CONVERT(x'843182368431823884308130' USING gb18030)), (3, '中é😀');
