# SPDX-License-Identifier: Apache-2.0
"""Definitions that change while nobody reads the log, in ways that the log alone does not tell; and statements that
the destination cannot follow by their own words. What cannot be proved stops, nothing is guessed."""
import re

import pytest

import compare
import conftest
import godwit
from behind import HERE, behind, fresh, project, resolve, same


@pytest.fixture
def mariadb():
    return conftest.server(conftest.SOURCES["mariadb"], "mariadb")


CHOSEN_IN_ANOTHER_CHARSET = """
SET NAMES latin1;
CREATE TABLE chosen (PRIMARY KEY (id)) SELECT * FROM t;
SET NAMES utf8mb4;
INSERT INTO chosen VALUES (3, '女');
"""


def test_a_definition_that_the_source_writes_itself(tmp_path, source, oceanbase):
    """In UTF-8, whatever the session's character set."""
    fresh(source, oceanbase, "CREATE TABLE t (id INT, sex ENUM('男','女'));\nINSERT INTO t VALUES (1, '男'), (2, '女');\n")
    p = project(tmp_path, source, oceanbase)
    assert behind(p, source, CHOSEN_IN_ANOTHER_CHARSET).code == 0
    same(source, oceanbase)
    assert oceanbase.query(f"SELECT sex FROM {HERE}.chosen ORDER BY id") == (("男",), ("女",), ("女",))


def test_a_database_that_is_replaced(tmp_path, mariadb, oceanbase):
    """Its tables go without a word of them in the log."""
    fresh(mariadb, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, v INT, w INT);\nINSERT INTO t VALUES (1, 1, 10);\n"
                              "CREATE TABLE gone (id INT PRIMARY KEY);\nINSERT INTO gone VALUES (1);\n")
    p = project(tmp_path, mariadb, oceanbase)
    run = behind(p, mariadb, f"CREATE OR REPLACE DATABASE {HERE} DEFAULT CHARACTER SET utf8mb4;\nUSE {HERE};\n"
                             "CREATE TABLE IF NOT EXISTS t (id INT PRIMARY KEY, w INT, v INT);\n"
                             "INSERT INTO t VALUES (2, 20, 2);\n")
    assert run.code == 0, run
    same(mariadb, oceanbase)
    assert oceanbase.query(f"SELECT id, v, w FROM {HERE}.t") == ((2, 2, 20),)


# --- what the source has by now is not what the log's rows were written with ---


def test_partitions_change_in_a_backlog(tmp_path, source, oceanbase):
    fresh(source, oceanbase,
          "CREATE TABLE r (id INT PRIMARY KEY, a INT, b VARCHAR(20)) PARTITION BY RANGE (id) "
          "(PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20));\n"
          "CREATE TABLE h (id INT PRIMARY KEY, a INT, b INT) PARTITION BY HASH (id) PARTITIONS 4;\n"
          "CREATE TABLE n (id INT PRIMARY KEY, a INT, b INT);\n"
          "INSERT INTO r VALUES (1, 1, 'one'), (11, 11, 'eleven');\n"
          "INSERT INTO h VALUES (1, 1, 10), (2, 2, 20), (3, 3, 30);\nINSERT INTO n VALUES (1, 1, 10), (2, 2, 20);\n")
    p = project(tmp_path, source, oceanbase)
    run = behind(p, source,
                 # Since renamed: the source has no such table any more.
                 "ALTER TABLE r REORGANIZE PARTITION p0 INTO (PARTITION p0 VALUES LESS THAN (5), "
                 "PARTITION p2 VALUES LESS THAN (10));\n"
                 "INSERT INTO r VALUES (6, 6, 'six');\nUPDATE r SET b = 'uno' WHERE id = 1;\n"
                 "RENAME TABLE r TO moved;\nINSERT INTO moved VALUES (12, 12, 'twelve');\n"
                 # Since altered: as many columns of the same types, in another order.
                 "ALTER TABLE h COALESCE PARTITION 2;\nINSERT INTO h VALUES (4, 4, 40);\n"
                 "ALTER TABLE h DROP COLUMN a, ADD COLUMN c INT;\nINSERT INTO h VALUES (5, 50, 5);\n"
                 "ALTER TABLE n PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), "
                 "PARTITION p1 VALUES LESS THAN MAXVALUE);\nINSERT INTO n VALUES (3, 3, 30), (30, 3, 30);\n"
                 "DELETE FROM n WHERE id = 1;\nALTER TABLE n DROP COLUMN b;\nALTER TABLE n DROP PARTITION p1;\n"
                 "INSERT INTO n VALUES (4, 4);\n")
    assert run.code == 0, run
    same(source, oceanbase)


@pytest.mark.parametrize("rule", ["*", "t", "x"])
def test_rows_change_hands_without_a_word(tmp_path, mysql, oceanbase, rule):
    """The rows of EXCHANGE PARTITION are in no event of the log, whichever of the tables is selected."""
    fresh(mysql, oceanbase,
          "CREATE TABLE t (id INT PRIMARY KEY, v INT) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), "
          "PARTITION p1 VALUES LESS THAN (20));\nCREATE TABLE x (id INT PRIMARY KEY, v INT);\n"
          "INSERT INTO t VALUES (1, 1), (11, 11);\nINSERT INTO x VALUES (2, 2);\n")
    p = project(tmp_path, mysql, oceanbase, rule=rule)
    run = behind(p, mysql, "ALTER TABLE t EXCHANGE PARTITION p0 WITH TABLE x;\nINSERT INTO t VALUES (15, 15);\n"
                           "INSERT INTO x VALUES (5, 5);\n")
    assert run.code == 5, run
    assert "EXCHANGE PARTITION" in str(p.show()["blocked"]), p.show()
    if rule != "x":
        oceanbase.run("DELETE FROM t WHERE id = 1;\nINSERT INTO t VALUES (2, 2);\n", HERE)
    if rule != "t":
        oceanbase.run("DELETE FROM x;\nINSERT INTO x VALUES (1, 1);\n", HERE)
    resolve(p, "--done")
    assert p.migrate().code == 0
    for table in "tx" if rule == "*" else rule:
        assert sorted(mysql.query(f"SELECT * FROM {HERE}.{table}")) == sorted(
            oceanbase.query(f"SELECT * FROM {HERE}.{table}"))


@pytest.mark.parametrize("statement, by_hand, change", [
    ("CREATE TABLE u (id INT PRIMARY KEY, u UUID)", "CREATE TABLE u (id INT PRIMARY KEY, u CHAR(36))",
     "INSERT INTO u VALUES (1, UUID())"),
    ("ALTER TABLE t ADD COLUMN u UUID", "ALTER TABLE t ADD COLUMN u CHAR(36)", "UPDATE t SET v = 5"),
    ("CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, v INT, u INET6)",
     "DROP TABLE IF EXISTS t;\nCREATE TABLE t (id INT PRIMARY KEY, v INT, u VARCHAR(39))", "INSERT INTO t VALUES (7, 7, '::1')"),
], ids=["made", "altered", "replaced"])
def test_a_table_that_nobody_understands(tmp_path, mariadb, oceanbase, statement, by_hand, change):
    """Its rows are neither passed over nor guessed, in whatever way the statement itself was answered."""
    fresh(mariadb, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, v INT);\nINSERT INTO t VALUES (1, 1);\n"
                              "CREATE TABLE o (id INT PRIMARY KEY);\n")
    p = project(tmp_path, mariadb, oceanbase, "--types", "schema,full,incremental")
    run = behind(p, mariadb, f"{statement};\nINSERT INTO o VALUES (1);\n")
    assert run.code == 5, run
    oceanbase.run(f"{by_hand};\n", HERE)
    resolve(p, "--done")
    run = p.migrate()  # as long as none of its rows changes
    assert run.code == 0, run
    run = behind(p, mariadb, f"{change};\nINSERT INTO o VALUES (2);\n")
    for _ in range(2):  # of a type that has a name but no reader, or of words that make no sense
        assert run.code in (1, 5), run
        assert "LOG_DEFINITION_UNKNOWN" in run.err or "SCHEMA_MISMATCH" in run.err, run
        run = p.migrate()
    # What the error says to do.
    oceanbase.drop(HERE)
    table = "u" if "TABLE u" in statement else "t"
    rest = godwit.Godwit(tmp_path / "rest", mariadb, oceanbase, f"{HERE}.*",
                         options=["--exclude", f"{HERE}.{table}"])
    run = rest.migrate()
    assert run.code == 0, run
    assert oceanbase.query(f"SELECT COUNT(*) FROM {HERE}.o") == ((2,),)


def test_a_table_that_comes_into_the_selection(tmp_path, mysql, oceanbase):
    """The source has its definition, but perhaps of later."""
    mysql.drop("elsewhere")
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY);\nCREATE DATABASE elsewhere;\n"
                            "CREATE TABLE elsewhere.x (id INT PRIMARY KEY, a INT, b INT);\n")
    p = project(tmp_path, mysql, oceanbase)
    run = behind(p, mysql, f"RENAME TABLE elsewhere.x TO {HERE}.x;\nINSERT INTO t VALUES (1);\n")
    assert run.code == 5, run
    oceanbase.run("CREATE TABLE x (id INT PRIMARY KEY, a INT, b INT);\n", HERE)
    resolve(p, "--done")
    assert p.migrate().code == 0
    run = behind(p, mysql, "INSERT INTO x VALUES (1, 2, 3);\nALTER TABLE x MODIFY a INT AFTER b;\n")
    assert run.code in (1, 5) and "LOG_DEFINITION_UNKNOWN" in run.err, run
    assert oceanbase.query(f"SELECT * FROM {HERE}.x") == ()


def test_a_table_made_without_the_log(tmp_path, source, oceanbase):
    fresh(source, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY);\n")
    p = project(tmp_path, source, oceanbase)
    run = behind(p, source, "SET sql_log_bin = 0;\nCREATE TABLE silent (id INT PRIMARY KEY);\nSET sql_log_bin = 1;\n"
                            "INSERT INTO silent VALUES (1);\n")
    assert run.code in (1, 5) and "LOG_DEFINITION_UNKNOWN" in run.err and "silent" in run.err, run


def test_what_has_rows_in_the_log_and_is_no_table(tmp_path, mariadb, oceanbase):
    """A sequence's state is logged as a row; a view's name is nobody's table."""
    fresh(mariadb, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY);\nCREATE SEQUENCE early;\n"
                              "CREATE VIEW v AS SELECT id FROM t;\n")
    p = project(tmp_path, mariadb, oceanbase)
    run = behind(p, mariadb, "INSERT INTO t VALUES (NEXTVAL(early));\nCREATE SEQUENCE late START WITH 100;\n"
                             "INSERT INTO t VALUES (NEXTVAL(late)), (NEXTVAL(early));\n"
                             "UPDATE v SET id = 7 WHERE id = 1;\n"
                             "CREATE TEMPORARY TABLE mine (id INT);\nINSERT INTO mine VALUES (1);\n"
                             "CREATE TABLE gone (id INT PRIMARY KEY);\nINSERT INTO gone VALUES (1);\n"
                             "DROP TABLE gone;\n")
    assert run.code == 0, run
    assert sorted(oceanbase.query(f"SELECT id FROM {HERE}.t")) == sorted(mariadb.query(f"SELECT id FROM {HERE}.t"))


# --- clocks ---


def default_of(server, column):
    """As a session in UTC is shown it."""
    connection = server.connect()
    with connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute(f"SHOW CREATE TABLE {HERE}.t")
        shown = cursor.fetchone()[1]
    connection.close()
    line = next(line for line in shown.splitlines() if line.lstrip().startswith(f"`{column}`"))
    return re.search(r"DEFAULT '([^']*)'", line)[1]


def test_defaults_are_the_same_moment_for_rows_to_come(tmp_path, source, oceanbase):
    fresh(source, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, older TIMESTAMP NOT NULL DEFAULT "
                             "'2020-01-01 00:00:00');\nINSERT INTO t (id) VALUES (1);\n")
    p = project(tmp_path, source, oceanbase)
    run = behind(p, source, "SET time_zone = '+08:00';\n"
                            "ALTER TABLE t ADD COLUMN added TIMESTAMP NOT NULL DEFAULT '2038-01-19 03:14:07';\n"
                            "ALTER TABLE t ALTER older SET DEFAULT '2021-01-01 00:00:00';\n")
    assert run.code == 0, run
    assert default_of(oceanbase, "added") == default_of(source, "added") == "2038-01-18 19:14:07"
    assert default_of(oceanbase, "older") == default_of(source, "older") == "2020-12-31 16:00:00"
    same(source, oceanbase)


ZONE = """
INSERT INTO mysql.time_zone (Use_leap_seconds) VALUES ('N');
SET @zone = LAST_INSERT_ID();
INSERT INTO mysql.time_zone_name (Name, Time_zone_id) VALUES ('Godwit/Summer', @zone);
INSERT INTO mysql.time_zone_transition_type (Time_zone_id, Transition_type_id, Offset, Is_DST, Abbreviation)
    VALUES (@zone, 0, 3600, 0, 'GW'), (@zone, 1, 7200, 1, 'GS');
INSERT INTO mysql.time_zone_transition (Time_zone_id, Transition_time, Transition_type_id)
    VALUES (@zone, UNIX_TIMESTAMP('2024-04-01 00:00:00'), 1), (@zone, UNIX_TIMESTAMP('2024-10-01 00:00:00'), 0);
"""


@pytest.fixture
def summer(mysql):
    """A zone with one summer time, which the destination does not know."""
    if not mysql.query("SELECT 1 FROM mysql.time_zone_name WHERE Name = 'Godwit/Summer'"):
        mysql.run("SET time_zone = '+00:00';\n" + ZONE)
    yield
    [(zone,)] = mysql.query("SELECT Time_zone_id FROM mysql.time_zone_name WHERE Name = 'Godwit/Summer'")
    for table in ("time_zone_transition", "time_zone_transition_type", "time_zone_name", "time_zone"):
        mysql.query(f"DELETE FROM mysql.{table} WHERE Time_zone_id = {zone}")


def test_a_clock_that_is_changed_in_summer(tmp_path, mysql, oceanbase, summer):
    """A time of its own has one moment there; all times of a column have none in common."""
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, w DATETIME);\n"
                            "INSERT INTO t VALUES (1, '2024-01-10 12:00:00'), (2, '2024-07-10 12:00:00');\n")
    p = project(tmp_path, mysql, oceanbase)
    run = behind(p, mysql, "SET time_zone = 'Godwit/Summer';\n"
                           "ALTER TABLE t ADD COLUMN cold TIMESTAMP NULL DEFAULT '2024-01-10 12:00:00', "
                           "ADD COLUMN warm TIMESTAMP NULL DEFAULT '2024-07-10 12:00:00';\n")
    assert run.code == 0, run
    assert default_of(oceanbase, "cold") == "2024-01-10 11:00:00"
    assert default_of(oceanbase, "warm") == "2024-07-10 10:00:00"
    assert not compare.servers(mysql, oceanbase, HERE)
    run = behind(p, mysql, "SET time_zone = 'Godwit/Summer';\nALTER TABLE t MODIFY w TIMESTAMP NULL;\n")
    assert run.code == 5, run
    assert "Godwit/Summer" in str(p.show()["blocked"]), p.show()
    oceanbase.run("ALTER TABLE t MODIFY w TIMESTAMP NULL;\nSET time_zone = '+00:00';\n"
                  "UPDATE t SET w = '2024-01-10 11:00:00' WHERE id = 1;\n"
                  "UPDATE t SET w = '2024-07-10 10:00:00' WHERE id = 2;\n", HERE)
    resolve(p, "--done")
    assert p.migrate().code == 0
    same(mysql, oceanbase)


# --- what an added column gives to rows that are there ---


@pytest.mark.parametrize("column", ["tags JSON DEFAULT (JSON_ARRAY())", "total INT DEFAULT (price * qty)"])
def test_a_default_that_is_computed_is_the_users_to_give(tmp_path, mysql, oceanbase, column):
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, price INT, qty INT);\n"
                            "INSERT INTO t VALUES (1, 5, 2), (2, 7, NULL);\n")
    p = project(tmp_path, mysql, oceanbase)
    run = behind(p, mysql, f"ALTER TABLE t ADD COLUMN {column};\nUPDATE t SET qty = 9 WHERE id = 1;\n")
    assert run.code == 5, run
    name, kind, _, value = column.split(" ", 3)
    item = str(p.show()["blocked"][0])
    assert f"ADD COLUMN `{name}`" in item, item
    assert not [c for c, _, _ in compare.columns(oceanbase.connect(), HERE, "t") if c == name]
    oceanbase.run(f"ALTER TABLE t ADD COLUMN {name} {kind};\nUPDATE t SET {name} = {value};\n", HERE)
    resolve(p, "--done")
    assert p.migrate().code == 0
    assert not compare.servers(mysql, oceanbase, HERE)


@pytest.mark.parametrize("point", ["ddl-after-intent:2", "ddl-after-run-before-confirm:1",
                                   "ddl-after-run-before-confirm:2", "ddl-after-confirm:2"])
def test_rows_get_a_default_once_or_again(tmp_path, mariadb, oceanbase, point):
    """Killed around the statement that gives it to them."""
    fresh(mariadb, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, m TIMESTAMP NULL DEFAULT NULL ON UPDATE "
                              "CURRENT_TIMESTAMP);\nINSERT INTO t VALUES (1, NULL), (2, '2020-01-01 00:00:00');\n")
    p = project(tmp_path, mariadb, oceanbase)
    mariadb.run("ALTER TABLE t ADD COLUMN note TEXT NOT NULL DEFAULT 'n/a';\nUPDATE t SET note = 'new' WHERE id = 1;\n",
                HERE)
    died = p.migrate(environment={"GODWIT_CRASH_POINT": point})
    assert died.code == -9, died
    run = p.migrate()
    assert run.code == 0, run
    same(mariadb, oceanbase)


# --- names under other rules ---


def test_a_copy_does_not_bring_rows_that_the_filter_keeps_out(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, v INT);\nINSERT INTO t VALUES (1, 1), (2, 20);\n")
    config = tmp_path / "p.toml"
    config.write_text(f'objects = ["{HERE}.*", {{ rule = "{HERE}.t", where = "v > 10" }}]\n')
    p = godwit.Godwit(tmp_path / "state", mysql, oceanbase, options=["--config", config])
    run = p.migrate()
    assert run.code == 0, run
    run = behind(p, mysql, "CREATE TABLE u LIKE t;\nALTER TABLE u ADD COLUMN w INT;\n"
                           "INSERT INTO u (id, v) SELECT id, v FROM t;\nRENAME TABLE t TO gone, u TO t;\n")
    assert run.code == 5, run
    assert "other rows" in str(p.show()["blocked"]), p.show()
    assert oceanbase.query(f"SELECT id FROM {HERE}.t") == ((2,),)
    # What the answer asks for.
    oceanbase.run("RENAME TABLE t TO gone, u TO t;\nDELETE FROM t WHERE NOT v > 10;\n"
                  "INSERT INTO gone VALUES (1, 1);\n", HERE)
    resolve(p, "--done")
    run = behind(p, mysql, "INSERT INTO t VALUES (3, 3, 3), (4, 40, 4);\n")
    assert run.code == 0, run
    assert sorted(oceanbase.query(f"SELECT id, v, w FROM {HERE}.t")) == [(2, 20, None), (4, 40, 4)]


ONLINE_CHANGES = {
    "gh-ost": """
        CREATE TABLE _t_ghc (id BIGINT PRIMARY KEY AUTO_INCREMENT, last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
                             hint VARCHAR(64) NOT NULL UNIQUE, value VARCHAR(4096) NOT NULL);
        INSERT INTO _t_ghc (hint, value) VALUES ('state', 'GhostTableMigrated');
        CREATE TABLE _t_gho LIKE t;
        ALTER TABLE _t_gho ADD COLUMN w INT NOT NULL DEFAULT 7;
        INSERT IGNORE INTO _t_gho (id, v) SELECT id, v FROM t;
        UPDATE t SET v = 30 WHERE id = 1;
        REPLACE INTO _t_gho (id, v) VALUES (1, 30);
        CREATE TABLE _t_20260131235959_del (id INT AUTO_INCREMENT PRIMARY KEY) COMMENT 'ghost-cut-over-sentry';
        DROP TABLE _t_20260131235959_del;
        RENAME TABLE t TO _t_20260131235959_del, _t_gho TO t;
        DROP TABLE _t_ghc;
        """,
    "pt-osc": """
        CREATE TABLE __t_new (id INT PRIMARY KEY, v INT);
        ALTER TABLE __t_new ADD COLUMN w INT NOT NULL DEFAULT 7;
        CREATE TRIGGER pt_osc_t_upd AFTER UPDATE ON t FOR EACH ROW REPLACE INTO __t_new (id, v) VALUES (NEW.id, NEW.v);
        INSERT LOW_PRIORITY IGNORE INTO __t_new (id, v) SELECT id, v FROM t;
        UPDATE t SET v = 30 WHERE id = 1;
        DROP TABLE IF EXISTS _t_old;
        RENAME TABLE t TO _t_old, __t_new TO t;
        DROP TRIGGER pt_osc_t_upd;
        DROP TABLE _t_old;
        """}


@pytest.mark.parametrize("tool", ONLINE_CHANGES)
@pytest.mark.parametrize("where", ["", "v > 10"])
def test_tools_for_online_changes_of_one_table(tmp_path, source, oceanbase, tool, where):
    """The rules name the table and what the tools call its copies; there is one that they left another time."""
    fresh(source, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, v INT);\nINSERT INTO t VALUES (1, 1), (2, 20), (3, 3);\n"
                             "CREATE TABLE _t_old (id INT PRIMARY KEY, v INT);\nINSERT INTO _t_old VALUES (1, 11);\n"
                             "CREATE TABLE other (id INT PRIMARY KEY);\n")
    config = tmp_path / "p.toml"
    config.write_text("objects = [" + ", ".join(f'{{ rule = "{HERE}.{rule}", where = "{where}" }}' for rule in (
        f"t={HERE}.there", "_t_*", "__t_new")) + "]\n" + f'exclude = ["{HERE}._t_ghc"]\n')
    p = godwit.Godwit(tmp_path / "state", source, oceanbase, options=["--config", config])
    run = p.migrate()
    assert run.code == 0, run
    run = behind(p, source, ONLINE_CHANGES[tool] + "INSERT INTO t VALUES (4, 4, 4), (5, 50, 5);\n")
    assert run.code == 0, run
    expected = {"there": [(1, 30, 7), (2, 20, 7), (3, 3, 7), (4, 4, 4), (5, 50, 5)], "_t_old": [(1, 11)]}
    if tool == "gh-ost":
        expected["_t_20260131235959_del"] = [(1, 30), (2, 20), (3, 3)]
    else:
        del expected["_t_old"]
    assert {name for name, in oceanbase.query(f"SHOW TABLES FROM {HERE}")} == set(expected)
    for table, rows in expected.items():
        assert sorted(oceanbase.query(f"SELECT * FROM {HERE}.{table}")) == [row for row in rows if not where or row[1] > 10]
    assert not p.show()["blocked"]


def test_what_did_nothing_at_the_source_does_nothing_at_the_destination(tmp_path, source, oceanbase):
    """Such statements are in the log all the same, and the destination may have a table of its own by the name."""
    fresh(source, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY);\nINSERT INTO t VALUES (1);\n")
    p = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{HERE}.*")
    assert p.migrate().code == 0
    oceanbase.run("CREATE TABLE own (id INT PRIMARY KEY);\nINSERT INTO own VALUES (7);\n"
                  "CREATE TABLE late (id INT PRIMARY KEY);\nINSERT INTO late VALUES (8);\n", HERE)
    replaces = "CREATE OR REPLACE TABLE fresh (id INT PRIMARY KEY);\n" if source.name == "mariadb" else ""
    run = behind(p, source, "DROP TABLE IF EXISTS own;\nDROP TABLE IF EXISTS own, neither;\n" + replaces +
                 "CREATE TABLE IF NOT EXISTS t (other INT);\nINSERT INTO t VALUES (2);\n")
    assert run.code == 0, run
    assert oceanbase.query(f"SELECT id FROM {HERE}.own") == ((7,),)
    assert oceanbase.query(f"SELECT id FROM {HERE}.t ORDER BY id") == ((1,), (2,))
    # This one made the table.
    run = behind(p, source, "CREATE TABLE IF NOT EXISTS late (id INT PRIMARY KEY);\nINSERT INTO late VALUES (1);\n")
    assert run.code == 5, run
    assert oceanbase.query(f"SELECT id FROM {HERE}.late") == ((8,),)
    oceanbase.run("DROP TABLE own;\nDROP TABLE late;\n", HERE)
    resolve(p, "--retry")
    assert p.migrate().code == 0
    same(source, oceanbase)


def test_alter_in_two_phases(tmp_path, mariadb, oceanbase):
    """MariaDB logs such an ALTER when it begins and again when it ends; one that fails in between did nothing."""
    fresh(mariadb, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, v INT, c INT);\nINSERT INTO t VALUES (1, 5, 1), (2, 5, 2);\n")
    p = project(tmp_path, mariadb, oceanbase)
    connection = mariadb.connect(HERE)
    with connection.cursor() as cursor:
        cursor.execute("SET binlog_alter_two_phase = 1")
        cursor.execute("ALTER TABLE t ADD COLUMN d INT DEFAULT 7, ADD KEY (v)")
        with pytest.raises(Exception, match="Duplicate"):
            cursor.execute("ALTER TABLE t DROP COLUMN c, ADD UNIQUE KEY (v)")
        cursor.execute("INSERT INTO t VALUES (3, 6, 3, 8)")
    connection.close()
    assert p.migrate().code == 0
    same(mariadb, oceanbase)


def test_made_like_a_table_that_nobody_follows(tmp_path, source, oceanbase):
    source.drop("patterns")
    source.run("CREATE DATABASE patterns;\nCREATE TABLE patterns.t (id INT PRIMARY KEY, v VARCHAR(9));\n")
    fresh(source, oceanbase, "CREATE TABLE o (id INT PRIMARY KEY);\n")
    p = project(tmp_path, source, oceanbase)
    run = behind(p, source, "CREATE TABLE t LIKE patterns.t;\nINSERT INTO t VALUES (1, 'one');\n")
    source.drop("patterns")
    assert run.code == 5 and "LIKE" in str(p.show()["blocked"]), run
    statement = tmp_path / "t.sql"
    statement.write_text(f"CREATE TABLE {HERE}.t (id INT PRIMARY KEY, v VARCHAR(9));\n")
    resolve(p, "--edit", statement)
    assert p.migrate().code == 0
    assert not compare.servers(source, oceanbase, HERE)


def test_character_sets_of_tables_that_are_gone_or_converted(tmp_path, source, oceanbase):
    """Of a CREATE TABLE that names none; the bytes of each word are valid UTF-8 of another one."""
    source.drop(HERE)
    oceanbase.drop(HERE)
    source.run(f"CREATE DATABASE {HERE} DEFAULT CHARACTER SET gbk;\n")
    source.run("CREATE TABLE live (id INT PRIMARY KEY, v VARCHAR(20), e ENUM('一','二'));\n"
               "INSERT INTO live VALUES (1, '一', '一');\n", HERE)
    p = project(tmp_path, source, oceanbase)
    run = behind(p, source,
                 "CREATE TABLE staging (id INT PRIMARY KEY, v VARCHAR(20), e ENUM('一','二'));\n"
                 "INSERT INTO staging VALUES (2, '一乙', '二');\nRENAME TABLE live TO old, staging TO live;\n"
                 "INSERT INTO live VALUES (3, '一', '一');\n"
                 "CREATE TABLE c (id INT PRIMARY KEY, v VARCHAR(20));\nINSERT INTO c VALUES (1, '一');\n"
                 "ALTER TABLE c CONVERT TO CHARACTER SET utf8;\nINSERT INTO c VALUES (2, '一');\n")
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, HERE)


def test_character_sets_that_databases_gave(tmp_path, source, oceanbase):
    """By now they give another one; what a session says of its own is nothing to a table."""
    new = f"{HERE}_new"
    source.drop(HERE, new)
    oceanbase.drop(HERE, new)
    source.run(f"CREATE DATABASE {HERE} DEFAULT CHARACTER SET gbk;\nCREATE TABLE {HERE}.o (id INT PRIMARY KEY);\n")
    p = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{HERE}.*", f"{new}.*")
    assert p.migrate().code == 0
    run = behind(p, source,
                 "CREATE TABLE c (id INT PRIMARY KEY, v VARCHAR(20));\nINSERT INTO c VALUES (1, '一');\n"
                 "CREATE TABLE gone (id INT PRIMARY KEY, v VARCHAR(20));\nINSERT INTO gone VALUES (1, '一');\n"
                 "RENAME TABLE gone TO renamed;\n"
                 f"ALTER DATABASE {HERE} CHARACTER SET utf8mb4;\nSET collation_database = latin1_swedish_ci;\n"
                 "CREATE TABLE d (id INT PRIMARY KEY, v VARCHAR(20));\nINSERT INTO d VALUES (1, '一');\n"
                 f"SET collation_server = gbk_chinese_ci;\nCREATE DATABASE IF NOT EXISTS {new};\n"
                 f"CREATE TABLE {new}.e (id INT PRIMARY KEY, v VARCHAR(20));\nINSERT INTO {new}.e VALUES (1, '一');\n"
                 f"ALTER DATABASE {new} CHARACTER SET utf8mb4;\n")
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, HERE, new)


@pytest.mark.parametrize("statement, kind", [("CHANGE c c BLOB", "BLOB"), ("MODIFY c VARBINARY(400)", "VARBINARY(400)"),
                                             ("CONVERT TO CHARACTER SET binary", "VARBINARY(90)")])
def test_text_that_becomes_bytes(tmp_path, source, oceanbase, statement, kind):
    """As the manual repairs text of a wrong character set: the source's bytes are not the destination's."""
    fresh(source, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, c VARCHAR(90) CHARACTER SET latin1);\n"
                             "INSERT INTO t VALUES (1, 'é');\nCREATE TABLE o (id INT PRIMARY KEY);\n")
    p = project(tmp_path, source, oceanbase, "--types", "schema,full,incremental")
    run = behind(p, source, f"ALTER TABLE t {statement};\nINSERT INTO o VALUES (1);\n")
    assert run.code == 5 and "text of latin1 and bytes" in str(p.show()["blocked"]), run
    oceanbase.run(f"ALTER TABLE t DROP COLUMN c;\nALTER TABLE t ADD COLUMN c {kind};\n"
                  "UPDATE t SET c = X'E9' WHERE id = 1;\n", HERE)
    resolve(p, "--done")
    assert p.migrate().code == 0
    if "CONVERT" not in statement:  # what that makes of a table, only its server knows
        run = behind(p, source, "INSERT INTO t VALUES (2, X'FF00');\nUPDATE t SET c = X'E9E9' WHERE id = 1;\n")
        assert run.code == 0, run
    assert not compare.servers(source, oceanbase, HERE)


def test_a_view_of_another_database(tmp_path, source, oceanbase):
    other = f"{HERE}_other"
    source.drop(other)
    oceanbase.drop(other)
    fresh(source, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY);\nINSERT INTO t VALUES (1);\n"
                             f"CREATE DATABASE {other};\nCREATE TABLE {other}.t (id INT PRIMARY KEY);\n"
                             f"INSERT INTO {other}.t VALUES (2);\n")
    p = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{HERE}.*", f"{other}.*")
    assert p.migrate().code == 0
    run = behind(p, source, f"CREATE VIEW {other}.v AS SELECT * FROM t;\n")
    assert run.code == 0, run
    assert oceanbase.query(f"SELECT * FROM {other}.v") == ((1,),)


def test_what_a_followed_table_loses(tmp_path, mysql, oceanbase):
    mysql.drop("elsewhere")
    mysql.run("CREATE DATABASE elsewhere;\nCREATE TABLE elsewhere.p (id INT PRIMARY KEY);\n")
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY);\n")
    p = project(tmp_path, mysql, oceanbase)
    run = behind(p, mysql, "CREATE TABLE n (id INT PRIMARY KEY, s TEXT DEFAULT ('x'), CONSTRAINT k FOREIGN KEY (id) "
                           "REFERENCES elsewhere.p (id));\nALTER TABLE t ADD COLUMN x TEXT DEFAULT ('y');\n")
    assert run.code == 0, run
    for table, notes in {"n": ["foreign key k", "default 'x'"], "t": ["default 'y'"]}.items():
        told = p.other("project", "ddl", p.name, f"{HERE}.{table}").stdout
        assert all(note in told for note in notes), told


def test_words_that_change_nothing(tmp_path, mariadb, oceanbase):
    """A statement that is not understood does not make its table unknown where it looks as before."""
    fresh(mariadb, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, v INT);\nINSERT INTO t VALUES (1, 1);\n")
    p = project(tmp_path, mariadb, oceanbase)
    run = behind(p, mariadb, "ALTER TABLE t ADD CONSTRAINT IF NOT EXISTS c CHECK (v > 0);\n"
                             "INSERT INTO t VALUES (2, 2);\n")
    if run.code == 5:
        resolve(p, "--skip")
        run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(mariadb, oceanbase, HERE)


# --- what the source does and nobody logs ---


@pytest.fixture(params=["mysql56", "mariadb"])
def silent(request):
    """A source that does not log what foreign keys do."""
    return conftest.server(conftest.SOURCES[request.param], request.param)


def test_a_cascade_sets_no_other_column(tmp_path, silent, oceanbase):
    """Of the engine's own cascade: a column that goes with each UPDATE stays as it is, as at the source."""
    fresh(silent, oceanbase,
          "CREATE TABLE p (id INT PRIMARY KEY);\nCREATE TABLE c (id INT PRIMARY KEY, p INT, u TIMESTAMP NOT NULL "
          "DEFAULT '2001-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP, FOREIGN KEY (p) REFERENCES p (id) "
          "ON DELETE SET NULL ON UPDATE CASCADE);\n"
          "INSERT INTO p VALUES (1), (2), (3);\nINSERT INTO c (id, p) VALUES (1, 1), (2, 2), (3, 3);\n")
    p = project(tmp_path, silent, oceanbase)
    run = behind(p, silent, "DELETE FROM p WHERE id = 1;\nUPDATE p SET id = 7 WHERE id = 2;\n"
                            "ALTER TABLE c ADD COLUMN w DATETIME DEFAULT '2002-02-02' ON UPDATE CURRENT_TIMESTAMP;\n"
                            "DELETE FROM p WHERE id = 3;\nUPDATE c SET id = 10 WHERE id = 1;\n")
    assert run.code == 0, run
    assert not compare.servers(silent, oceanbase, HERE)


def test_a_key_that_comes_later_sets_no_other_column(tmp_path, silent, oceanbase):
    fresh(silent, oceanbase,
          "CREATE TABLE p (id INT PRIMARY KEY);\nCREATE TABLE c (id INT PRIMARY KEY, p INT, u DATETIME "
          "DEFAULT '2001-01-01' ON UPDATE CURRENT_TIMESTAMP COMMENT 'when', KEY (p));\n"
          "INSERT INTO p VALUES (1), (2);\nINSERT INTO c (id, p) VALUES (1, 1), (2, 2);\n")
    p = project(tmp_path, silent, oceanbase)
    run = behind(p, silent, "ALTER TABLE c ADD COLUMN w DATETIME DEFAULT '2002-02-02' ON UPDATE CURRENT_TIMESTAMP, "
                            "ADD FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL;\nDELETE FROM p WHERE id = 1;\n")
    assert run.code == 0, run
    assert not compare.servers(silent, oceanbase, HERE)


def test_a_cascading_key_to_a_table_left_out(tmp_path, silent, oceanbase):
    fresh(silent, oceanbase, "CREATE TABLE p (id INT PRIMARY KEY);\nCREATE TABLE c (id INT PRIMARY KEY, p INT);\n")
    p = godwit.Godwit(tmp_path / "state", silent, oceanbase, f"{HERE}.c")
    assert p.migrate().code == 0
    run = behind(p, silent, "ALTER TABLE c ADD CONSTRAINT k FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE;\n")
    assert run.code == 5 and "does not log" in run.err, run
    resolve(p, "--done")
    assert p.migrate().code == 0


def test_statements_that_only_read_a_followed_table(tmp_path, source, oceanbase):
    """As pt-table-checksum logs them."""
    source.drop("audit")
    source.run("CREATE DATABASE audit;\nCREATE TABLE audit.sums (t VARCHAR(20) PRIMARY KEY, n INT);\n")
    fresh(source, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, v INT);\nINSERT INTO t VALUES (1, 1);\n")
    p = project(tmp_path, source, oceanbase)
    connection = source.connect(HERE)
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION binlog_format = STATEMENT")
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(f"REPLACE INTO audit.sums SELECT 't', COUNT(*) FROM {HERE}.t")
        cursor.execute("INSERT INTO audit.sums VALUES ('u', (SELECT MAX(id) FROM t))")
    connection.close()
    source.run("INSERT INTO t VALUES (2, 2);\n", HERE)
    assert p.migrate().code == 0
    same(source, oceanbase)
    with source.connect(HERE).cursor() as cursor:
        cursor.execute("SET SESSION binlog_format = STATEMENT")
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("UPDATE t SET v = 5 WHERE id = 1")
    run = p.migrate()
    assert run.code == 1 and "STATEMENT_LOGGED" in run.err, run


@pytest.mark.parametrize("change, why", [
    ("ALTER TABLE t TRUNCATE PARTITION p0;\n", "over text"),
    ("CREATE TABLE m (id INT PRIMARY KEY, v INT, KEY (v)) ENGINE=MyISAM;\n"
     "CREATE TABLE p (id INT PRIMARY KEY);\nALTER TABLE m ADD FOREIGN KEY (v) REFERENCES p (id) ON DELETE CASCADE;\n",
     "has no foreign keys"),
    ("ALTER TABLE t ADD d TIME;\nALTER TABLE t MODIFY d DATETIME;\n", "get a day"),
    ("SET sql_mode='ANSI';\nALTER TABLE t ADD n VARCHAR(99) AS (c || ' ' || v) STORED;\n", "PIPES_AS_CONCAT"),
    ("SET sql_mode='HIGH_NOT_PRECEDENCE';\nALTER TABLE t ADD CHECK (NOT v BETWEEN 0 AND 1);\n", "HIGH_NOT_PRECEDENCE")])
def test_what_would_be_read_otherwise(tmp_path, mysql, oceanbase, change, why):
    fresh(mysql, oceanbase, "CREATE TABLE t (c VARCHAR(9) COLLATE utf8mb4_0900_ai_ci NOT NULL PRIMARY KEY, v INT) PARTITION BY "
          "RANGE COLUMNS (c) (PARTITION p0 VALUES LESS THAN ('N'), PARTITION p1 VALUES LESS THAN (MAXVALUE));\n"
          "INSERT INTO t VALUES ('a', 1), ('Z', 2);\n")
    p = project(tmp_path, mysql, oceanbase)
    run = behind(p, mysql, change)
    assert run.code == 5 and why in str(p.show()["blocked"]), run
