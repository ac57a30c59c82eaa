CREATE TABLE t (id INT PRIMARY KEY COMMENT 'the "key"', a INT COMMENT 'it''s; a \\ comment', b INT COMMENT '/* not a comment */ -- nor this') COMMENT = 'table''s, 100% "comment"';
INSERT INTO t VALUES (1,2,3);
