ALTER TABLE t COMMENT = 'it''s commented';
ALTER TABLE t MODIFY a INT COMMENT 'column''s comment';
/* a comment before */ ALTER /* within */ TABLE t ADD b INT -- behind
;
INSERT INTO t VALUES (2, 2, 2);
