CREATE TABLE `tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt` (`iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii` INT PRIMARY KEY, `üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü` INT, KEY `kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk` (`üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü`)) CHARACTER SET utf8mb4;
INSERT INTO `tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt` VALUES (1, 1), (2, 2);
CREATE TABLE `表 with "quotes" 'and' ``ticks``` (`select` INT PRIMARY KEY, `a.b` INT, `"` VARCHAR(9), `'` VARCHAR(9), `\` INT, `%s {}` INT) CHARACTER SET utf8mb4;
INSERT INTO `表 with "quotes" 'and' ``ticks``` VALUES (1, 2, 'x', 'y', 3, 4);
CREATE TABLE `-- no comment` (`/*` INT PRIMARY KEY, `#` INT, `*/` INT);
INSERT INTO `-- no comment` VALUES (1, 2, 3);
CREATE TABLE `group` (`order` INT PRIMARY KEY, `rank` INT, `window` INT, `system` INT, `lateral` INT, `of` INT);
INSERT INTO `group` VALUES (1, 2, 3, 4, 5, 6);
