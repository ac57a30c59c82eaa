UPDATE t SET d = -d, f = -f WHERE id < 3;
INSERT INTO t VALUES (5, -0e0, -0e0);
UPDATE t SET d = -0e0 WHERE id = 4;
DELETE FROM keyless WHERE d = 0 LIMIT 1;
