-- SPDX-License-Identifier: Apache-2.0
-- A shop as one finds it in the field: keys of every kind, foreign keys, views, generated columns,
-- partitions, comments, JSON, decimals, blobs, 4-byte UTF-8.
DROP DATABASE IF EXISTS shop;
CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;

CREATE TABLE customers (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  email VARCHAR(120) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'login',
  name VARCHAR(80) NOT NULL,
  tier ENUM('basic','silver','gold') NOT NULL DEFAULT 'basic',
  flags SET('newsletter','vip','blocked') NOT NULL DEFAULT '',
  balance DECIMAL(12,2) NOT NULL DEFAULT '0.00',
  preferences JSON,
  avatar BLOB,
  created DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  updated TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  UNIQUE KEY email (email),
  KEY created (created)
) COMMENT='who buys';

CREATE TABLE categories (
  id INT NOT NULL,
  parent INT,
  name VARCHAR(60) NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT categories_parent FOREIGN KEY (parent) REFERENCES categories (id) ON DELETE SET NULL
);

CREATE TABLE products (
  sku CHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  category INT NOT NULL,
  title VARCHAR(200) NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  tax DECIMAL(4,3) NOT NULL DEFAULT '0.190',
  gross DECIMAL(12,4) GENERATED ALWAYS AS (price * (1 + tax)) STORED,
  weight FLOAT,
  rating DOUBLE,
  attributes JSON,
  available TINYINT(1) NOT NULL DEFAULT '1',
  PRIMARY KEY (sku),
  KEY category (category),
  KEY title (title(40)),
  CONSTRAINT products_category FOREIGN KEY (category) REFERENCES categories (id)
);

CREATE TABLE orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  customer BIGINT UNSIGNED NOT NULL,
  placed DATETIME NOT NULL,
  status ENUM('new','paid','shipped','returned') NOT NULL DEFAULT 'new',
  total DECIMAL(12,2) NOT NULL DEFAULT '0.00',
  note VARCHAR(255) DEFAULT NULL,
  PRIMARY KEY (id),
  KEY customer (customer),
  CONSTRAINT orders_customer FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE
);

CREATE TABLE order_items (
  order_id BIGINT UNSIGNED NOT NULL,
  line SMALLINT UNSIGNED NOT NULL,
  sku CHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  quantity INT NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  PRIMARY KEY (order_id, line),
  KEY sku (sku),
  CONSTRAINT items_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE
);

CREATE TABLE payments (
  id BIGINT NOT NULL,
  year SMALLINT NOT NULL,
  order_id BIGINT UNSIGNED NOT NULL,
  amount DECIMAL(12,2) NOT NULL,
  token VARBINARY(32) NOT NULL,
  PRIMARY KEY (id, year)
) PARTITION BY RANGE (year) (
  PARTITION p2024 VALUES LESS THAN (2025),
  PARTITION p2025 VALUES LESS THAN (2026),
  PARTITION pmax VALUES LESS THAN MAXVALUE
);

CREATE TABLE sessions (
  id BINARY(16) NOT NULL,
  customer BIGINT UNSIGNED,
  data LONGBLOB,
  expires TIMESTAMP NULL DEFAULT NULL,
  PRIMARY KEY (id)
) PARTITION BY KEY (id) PARTITIONS 4;

-- No key at all: copied from one snapshot and followed exactly from there.
CREATE TABLE audit (
  at DATETIME(6) NOT NULL,
  actor VARCHAR(40) NOT NULL,
  what TEXT NOT NULL
) COMMENT='append only, without a key';

CREATE TABLE markers (
  id INT NOT NULL PRIMARY KEY,
  written DATETIME(6) NOT NULL
);

CREATE VIEW good_customers AS
  SELECT id, name, balance FROM customers WHERE tier <> 'basic';
CREATE VIEW best_customers AS
  SELECT id, name FROM good_customers WHERE balance > 900;
