SET sql_mode = 'ANSI_QUOTES';
CREATE TABLE "made ""here""" ("id" INT PRIMARY KEY, "a b" VARCHAR(10) DEFAULT 'x');
ALTER TABLE "t" ADD COLUMN "w x" INT;
SET sql_mode = '';
INSERT INTO `made "here"` (id) VALUES (1);
