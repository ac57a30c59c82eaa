CREATE TABLE `zoo` (
  `id` int(11) NOT NULL,
  `tu` tinyint(3) unsigned DEFAULT NULL,
  `s` smallint(6) DEFAULT NULL,
  `m` mediumint(9) DEFAULT NULL,
  `b` bigint(20) unsigned DEFAULT NULL,
  `dec1` decimal(30,10) DEFAULT NULL,
  `f` float DEFAULT NULL,
  `d` double DEFAULT NULL,
  `bi` bit(13) DEFAULT NULL,
  `y` year(4) DEFAULT NULL,
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
  `tx` mediumtext DEFAULT NULL,
  `bn` binary(5) DEFAULT NULL,
  `vb` varbinary(20) DEFAULT NULL,
  `bl` blob DEFAULT NULL,
  `e` enum('a','ü') DEFAULT NULL,
  `st` set('p','q','r s') DEFAULT NULL,
  `g` geometry DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
--
CREATE TABLE `small` (
  `id` int(11) NOT NULL,
  `v` varchar(100) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
--
CREATE TABLE `myisam` (
  `id` int(11) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=MyISAM DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
