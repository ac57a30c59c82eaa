-- The destination's TEXT and JSON take no default; rows that are there have got it at the source.
ALTER TABLE t ADD COLUMN note TEXT NOT NULL DEFAULT ('n/a');
INSERT INTO t (id, v) VALUES (3, 3);
ALTER TABLE t ADD COLUMN tags JSON DEFAULT ('[]'), ADD COLUMN raw BLOB DEFAULT (x'4100'), ADD COLUMN n INT DEFAULT 5, ADD KEY k (raw(3));
UPDATE t SET v = 20, tags = '{"a": 1}' WHERE id = 2;
INSERT INTO t (id, v) VALUES (4, 4);
ALTER TABLE t ADD COLUMN blank TEXT DEFAULT ('');
