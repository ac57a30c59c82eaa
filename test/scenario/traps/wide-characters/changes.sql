INSERT INTO w VALUES (2, '𝒳', 'ß', '你好', '中', 'ñ');
UPDATE w SET a = CONCAT(a, '👍'), b = 'é', c = '世界', d = 'ö', e = 'ü  ' WHERE id = 1;
