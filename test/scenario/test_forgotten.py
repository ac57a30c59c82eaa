# SPDX-License-Identifier: Apache-2.0
"""What older servers parse and forget, and statements that change more than their log tells."""
import pytest

from behind import HERE, behind, fresh, project, same

OLDER = pytest.mark.parametrize("source", ["mysql56", "mariadb"], indirect=True)


@OLDER
@pytest.mark.parametrize("change, why", [
    ("ALTER IGNORE TABLE t ADD UNIQUE (c);\n", "IGNORE may have removed"),
    ("ALTER TABLE t CHARACTER SET DEFAULT;\n", "character set is not known"),
    ("ALTER TABLE t COLLATE DEFAULT;\n", "character set is not known")])
def test_what_the_log_does_not_tell(tmp_path, source, oceanbase, change, why):
    fresh(source, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, c VARCHAR(20) COLLATE utf8_unicode_ci) DEFAULT CHARSET=latin1;\n"
          "INSERT INTO t VALUES (1, 'Straße'), (2, 'Strasse');\n")
    p = project(tmp_path, source, oceanbase)
    run = behind(p, source, change)
    assert run.code == 5 and why in str(p.show()["blocked"]), run


@OLDER
def test_keys_of_a_table_that_has_another_engine_now(tmp_path, source, oceanbase):
    fresh(source, oceanbase, "CREATE TABLE users (id INT PRIMARY KEY);\nINSERT INTO users VALUES (1), (2);\n"
          "CREATE TABLE seen (id INT PRIMARY KEY, u INT) ENGINE=MyISAM;\nCREATE TABLE joined (id INT PRIMARY KEY, u INT) ENGINE=MyISAM;\n")
    p = project(tmp_path, source, oceanbase, "--yes")
    run = behind(p, source, "ALTER TABLE seen ENGINE=innodb;\nALTER TABLE seen ADD FOREIGN KEY (u) REFERENCES users (id) ON DELETE CASCADE;\n"
                 "ALTER TABLE joined ADD FOREIGN KEY (u) REFERENCES users (id) ON DELETE CASCADE, ENGINE=InnoDB;\n"
                 "INSERT INTO seen VALUES (1, 1);\nINSERT INTO joined VALUES (2, 2);\nDELETE FROM users;\n")
    assert run.code == 0, run
    assert not oceanbase.query(f"SELECT id FROM {HERE}.seen UNION SELECT id FROM {HERE}.joined")
    same(source, oceanbase)


@OLDER
def test_keys_that_an_engine_forgets(tmp_path, source, oceanbase):
    fresh(source, oceanbase, "CREATE TABLE users (id INT PRIMARY KEY);\nINSERT INTO users VALUES (1), (2);\n")
    p = project(tmp_path, source, oceanbase, "--yes")
    run = behind(p, source, "CREATE TABLE seen (id INT PRIMARY KEY, u INT, FOREIGN KEY (u) REFERENCES users (id) ON DELETE CASCADE) "
                 "ENGINE=MyISAM;\nINSERT INTO seen VALUES (1, 1);\nDELETE FROM users WHERE id = 1;\n")
    assert run.code == 0, run
    assert oceanbase.query(f"SELECT id, u FROM {HERE}.seen") == ((1, 1),)
    same(source, oceanbase)


@pytest.mark.parametrize("source", ["mysql56"], indirect=True)
def test_defaults_that_a_server_forgets(tmp_path, source, oceanbase):
    fresh(source, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY);\nINSERT INTO t VALUES (1);\n")
    p = project(tmp_path, source, oceanbase)
    run = behind(p, source, "SET sql_mode = '';\nALTER TABLE t ADD COLUMN note TEXT DEFAULT '';\nINSERT INTO t (id) VALUES (2);\n"
                 "CREATE TABLE u (id INT PRIMARY KEY, b BLOB DEFAULT '');\nINSERT INTO u (id) VALUES (3);\n")
    assert run.code == 0, run
    assert oceanbase.query(f"SELECT id, note FROM {HERE}.t ORDER BY id") == ((1, None), (2, None))
    same(source, oceanbase)
