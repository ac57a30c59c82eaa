CREATE TABLE twins (d JSON);
INSERT INTO twins VALUES ('1'), ('1.0'), ('[1, 2]'), ('[1, 2.0]'), ('{"a": 0}'), ('{"a": -0.0}'), ('"1"'), (NULL);
