# SPDX-License-Identifier: Apache-2.0
"""Tables that the source drops where no log tells of it: what stands for them at the destination goes too,
rows that were copied included."""
import pymysql
import pytest

import compare
import godwit
import proxy

DATABASE = "vanished"
ROWS = 60_000
PASSED_SCHEMA = {"GODWIT_CRASH_POINT": "stage-after-done:2"}


@pytest.fixture
def tables(mysql, oceanbase):
    for server in (mysql, oceanbase):
        server.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\nUSE {DATABASE};\n"
              "CREATE TABLE kept (id INT PRIMARY KEY);\nINSERT INTO kept VALUES (1), (2);\n"
              "CREATE TABLE lost (id INT PRIMARY KEY);\nSET SESSION cte_max_recursion_depth = 100000;\n"
              f"INSERT INTO lost WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) "
              "SELECT i FROM n;\nANALYZE TABLE lost;\n")


def project(tmp_path, mysql, oceanbase, types, settings=""):
    return godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*",
                         options=["--types", types, *godwit.config(tmp_path / "p.toml", settings)])


def names(server):
    return [name for name, in server.query("SELECT table_name FROM information_schema.tables WHERE table_schema = "
                                           f"'{DATABASE}' ORDER BY table_name")]


def is_being_copied(server):
    try:
        return server.query(f"SELECT COUNT(*) FROM {DATABASE}.lost")[0][0] > 1000
    except pymysql.ProgrammingError:
        return False  # not made yet; OceanBase's catalog knows a table before its statements do


@pytest.mark.parametrize("types", ["schema,full", "schema,full,verification", "schema,full,incremental,verification"])
def test_before_its_copy(tmp_path, mysql, oceanbase, tables, types):
    p = project(tmp_path, mysql, oceanbase, types)
    assert p.migrate(environment=PASSED_SCHEMA).code == -9
    assert names(oceanbase) == ["kept", "lost"]
    mysql.run("DROP TABLE lost;\n", DATABASE)
    run = p.migrate()
    assert run.code == 0 and run.summary["tables"] == 1, run
    assert names(oceanbase) == ["kept"]
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_renamed_before_its_copy(tmp_path, mysql, oceanbase, tables):
    p = project(tmp_path, mysql, oceanbase, "schema,full,incremental,verification")
    assert p.migrate(environment=PASSED_SCHEMA).code == -9
    mysql.run("RENAME TABLE lost TO found;\n", DATABASE)
    run = p.migrate()
    assert run.code == 0 and run.summary["tables"] == 2, run
    assert names(oceanbase) == ["found", "kept"]
    assert not compare.servers(mysql, oceanbase, DATABASE)


@pytest.mark.parametrize("is_ours", [True, False], ids=["made", "users own"])
def test_in_the_middle_of_its_copy(tmp_path, mysql, oceanbase, tables, is_ours):
    if not is_ours:
        oceanbase.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.lost (id INT PRIMARY KEY);\n")
    p = project(tmp_path, mysql, oceanbase, "schema,full,verification",
                "[limits]\nrows_per_second = 10000\nchunk_bytes = 4096\n")
    following = godwit.Following(p, "--stop-when-caught-up")
    godwit.wait(lambda: is_being_copied(oceanbase), 60, "rows", following.process)
    mysql.run("DROP TABLE lost;\n", DATABASE)
    out, err = following.process.communicate(timeout=120)
    failed = godwit.Run(following.process.returncode, out, err)
    assert failed.code == 1 and "TABLE_UNKNOWN" in failed.err and "remedy" in failed.err, failed
    run = p.migrate()
    assert run.code == 0, run
    assert (run.summary["tables"], run.summary["rows"]) == (1, 2), run
    assert names(oceanbase) == (["kept"] if is_ours else ["kept", "lost"])
    assert not is_ours or not compare.servers(mysql, oceanbase, DATABASE)
    assert is_ours or not oceanbase.query(f"SELECT * FROM {DATABASE}.lost")


def test_a_table_of_the_users_own_is_renamed(tmp_path, mysql, oceanbase, tables):
    """Its rows go, and it stays; those of the new name come into a table that is made for them."""
    oceanbase.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.lost (id INT PRIMARY KEY, note INT);\n")
    p = project(tmp_path, mysql, oceanbase, "schema,full,incremental,verification",
                "[limits]\nrows_per_second = 10000\nchunk_bytes = 4096\n")
    following = godwit.Following(p, "--stop-when-caught-up")
    godwit.wait(lambda: is_being_copied(oceanbase), 60, "rows", following.process)
    mysql.run("RENAME TABLE lost TO found;\n", DATABASE)
    out, err = following.process.communicate(timeout=120)
    run = godwit.Run(following.process.returncode, out, err)
    assert run.code == 0, run
    assert names(oceanbase) == ["found", "kept", "lost"]
    assert not oceanbase.query(f"SELECT * FROM {DATABASE}.lost")
    assert oceanbase.query(f"SELECT COUNT(*) FROM {DATABASE}.found") == ((ROWS,),)


@pytest.mark.parametrize("change, left", [("DROP TABLE lost", ["kept"]), ("RENAME TABLE lost TO found", ["found", "kept"])],
                         ids=["dropped", "renamed"])
def test_in_the_middle_of_precheck(tmp_path, mysql, oceanbase, tables, change, left):
    """It is no failure, and a new name is a new table."""
    changes = [change + ";\n"]

    def changes_before(statement):
        if changes and statement.startswith(f"SELECT 1 FROM `{DATABASE}`.`lost`".encode()):
            mysql.run(changes.pop(), DATABASE)
        return False

    with proxy.Proxy(mysql) as between:
        between.add(proxy.Fault("none", changes_before))
        run = project(tmp_path, between.as_server(), oceanbase, "schema,full").migrate()
    assert not changes
    assert run.code == 0 and run.summary["tables"] == len(left), run
    assert names(oceanbase) == left
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_between_precheck_and_schema(tmp_path, mysql, oceanbase, tables):
    p = project(tmp_path, mysql, oceanbase, "schema,full")
    assert p.migrate(environment={"GODWIT_CRASH_POINT": "stage-after-done"}).code == -9
    mysql.run("DROP TABLE lost;\n", DATABASE)
    run = p.migrate()
    assert run.code == 0 and run.summary["tables"] == 1, run
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_made_anew_at_the_source(tmp_path, mysql, oceanbase, tables):
    """After it was taken out at the destination."""
    p = project(tmp_path, mysql, oceanbase, "schema,full,verification")
    assert p.migrate(environment=PASSED_SCHEMA).code == -9
    mysql.run("DROP TABLE lost;\n", DATABASE)
    # Between the two: the stage has taken it out, and has not ended.
    assert p.migrate(environment={"GODWIT_CRASH_POINT": "full-before-chunk-commit"}).code == -9
    assert names(oceanbase) == ["kept"]
    mysql.run("CREATE TABLE lost (id INT PRIMARY KEY, other INT);\nINSERT INTO lost VALUES (1, 2);\n", DATABASE)
    run = p.migrate()
    assert run.code == 0 and run.summary["tables"] == 2, run
    assert not compare.servers(mysql, oceanbase, DATABASE)


@pytest.fixture
def judge(mysql):
    """An account that sees all tables at first."""
    mysql.run("DROP USER IF EXISTS judge;\nCREATE USER judge;\n"
              f"GRANT SELECT, RELOAD, REPLICATION CLIENT ON *.* TO judge;\n")
    yield godwit.Server("judge", mysql.url.replace("root@", "judge@"))
    mysql.run("DROP USER judge;\n")


def hide_lost(mysql):
    mysql.run(f"REVOKE SELECT ON *.* FROM judge;\nGRANT SELECT ON {DATABASE}.kept TO judge;\n")


def show_lost(mysql):
    mysql.run(f"GRANT SELECT ON {DATABASE}.lost TO judge;\n")


def test_hidden_is_not_left_out_of_a_verification(tmp_path, mysql, oceanbase, tables, judge):
    p = project(tmp_path, judge, oceanbase, "schema,full")
    assert p.migrate().code == 0
    hide_lost(mysql)
    done = p.other("verify", p.name)
    assert done.returncode == 1 and "ACCESS_DENIED" in done.stderr and "lost" in done.stderr, done.stderr
    show_lost(mysql)
    done = p.other("verify", p.name)
    assert done.returncode == 0, done.stderr
    mysql.run(f"DROP TABLE {DATABASE}.lost;\n")
    done = p.other("verify", p.name)
    assert done.returncode == 0, done.stderr


def test_hidden_is_not_vanished(tmp_path, mysql, oceanbase, tables, judge):
    """An account that may not see a table any more is told so, and nothing is taken out."""
    p = project(tmp_path, judge, oceanbase, "schema,full")
    assert p.migrate(environment=PASSED_SCHEMA).code == -9
    hide_lost(mysql)
    run = p.migrate()
    assert run.code == 1 and "ACCESS_DENIED" in run.err and "lost" in run.err, run
    assert names(oceanbase) == ["kept", "lost"]
    show_lost(mysql)
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, DATABASE)
