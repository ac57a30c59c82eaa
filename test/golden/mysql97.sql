CREATE TABLE `zoo` (
  `id` int NOT NULL,
  `tu` tinyint unsigned DEFAULT NULL,
  `s` smallint DEFAULT NULL,
  `m` mediumint DEFAULT NULL,
  `b` bigint unsigned DEFAULT NULL,
  `dec1` decimal(30,10) DEFAULT NULL,
  `f` float DEFAULT NULL,
  `d` double DEFAULT NULL,
  `bi` bit(13) DEFAULT NULL,
  `y` year DEFAULT NULL,
  `da` date DEFAULT NULL,
  `t0` time DEFAULT NULL,
  `t3` time(3) DEFAULT NULL,
  `dt` datetime DEFAULT NULL,
  `dt6` datetime(6) DEFAULT NULL,
  `ts` timestamp NULL DEFAULT NULL,
  `ts2` timestamp(2) NULL DEFAULT NULL,
  `c` char(10) DEFAULT NULL,
  `l1` varchar(300) CHARACTER SET latin1 COLLATE latin1_swedish_ci DEFAULT NULL,
  `gb` varchar(30) CHARACTER SET gbk COLLATE gbk_chinese_ci DEFAULT NULL,
  `tx` mediumtext,
  `bn` binary(5) DEFAULT NULL,
  `vb` varbinary(20) DEFAULT NULL,
  `bl` blob,
  `e` enum('a','ü') DEFAULT NULL,
  `st` set('p','q','r s') DEFAULT NULL,
  `g` geometry DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
--
CREATE TABLE `small` (
  `id` int NOT NULL,
  `v` varchar(100) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
--
CREATE TABLE `myisam` (
  `id` int NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=MyISAM DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
--
CREATE TABLE `doc` (
  `id` int NOT NULL,
  `j` json DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
--
CREATE TABLE `parent` (
  `id` int NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
--
CREATE TABLE `child` (
  `id` int NOT NULL,
  `p` int DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `p` (`p`),
  CONSTRAINT `child_ibfk_1` FOREIGN KEY (`p`) REFERENCES `parent` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
--
CREATE TABLE `func` (
  `id` int NOT NULL,
  `v` varchar(20) DEFAULT NULL,
  `gv` varchar(30) GENERATED ALWAYS AS (concat(`v`,`id`)) VIRTUAL,
  `gs` int GENERATED ALWAYS AS ((`id` + 1)) STORED,
  PRIMARY KEY (`id`),
  KEY `functional_index` ((upper(`v`)))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
