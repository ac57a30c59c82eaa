CREATE TABLE `select` (`from` INT, `where ``clause``` INT, `ünï` INT, `a.b` INT, `1st` INT, `%d` INT, PRIMARY KEY (`from`), KEY `key` (`a.b`)) DEFAULT CHARSET utf8mb4;
INSERT INTO `select` VALUES (1,2,3,4,5,6);
CREATE TABLE `with space` (`id` INT PRIMARY KEY, `group` INT);
INSERT INTO `with space` VALUES (1,1);
