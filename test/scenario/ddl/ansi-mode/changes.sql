SET sql_mode = 'ANSI';
ALTER TABLE "t" ADD COLUMN "r x" REAL;
CREATE TABLE "made" ("id" INT PRIMARY KEY, "n" VARCHAR(9) DEFAULT 'a||b', "r" REAL);
SET sql_mode = '';
INSERT INTO made (id, r) VALUES (1, 1.5);
INSERT INTO t VALUES (2, 2, 0.5);
