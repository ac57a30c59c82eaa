# SPDX-License-Identifier: Apache-2.0
"""Each item of the precheck, brought to say something: the state of a server that it is there for."""
import json

import pytest

import conftest
import godwit
from test_precheck import DATABASE, fresh, precheck

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v INT);\n"


def statuses(done, item):
    """What the item said, by object."""
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {event.get("object", ""): event["status"] for event in told
            if event.get("stage") == "precheck" and event.get("item") == item}


@pytest.mark.parametrize("server, name, value, item, status", [
    ("mysql97", "binlog_format", "STATEMENT", "binlog_format", "fail"),
    ("mysql56", "binlog_format", "STATEMENT", "binlog_format", "fail"),
    ("mariadb", "binlog_format", "MIXED", "binlog_format", "fail"),
    ("mysql97", "server_id", "0", "server_id", "fail"),
    ("mysql56", "server_id", "0", "server_id", "fail"),
    ("mysql97", "binlog_order_commits", "OFF", "binlog_order_commits", "warn"),
    ("mysql56", "binlog_order_commits", "OFF", "binlog_order_commits", "warn"),
    ("mysql97", "binlog_expire_logs_seconds", "3600", "log_retention", "warn"),
    ("mariadb", "expire_logs_days", "0.5", "log_retention", "warn"),
    ("mysql97", "binlog_row_image", "MINIMAL", "binlog_row_image", "warn"),
    ("mysql56", "binlog_row_image", "NOBLOB", "binlog_row_image", "warn"),
    ("mariadb", "binlog_row_image", "MINIMAL", "binlog_row_image", "fail"),
])
def test_settings_of_the_source(tmp_path, oceanbase, server, name, value, item, status):
    source = conftest.server(conftest.SOURCES[server], server)
    fresh(source, oceanbase, TABLE)
    assert statuses(precheck(tmp_path, source, oceanbase), item) == {"": "pass"}
    before = source.query(f"SHOW GLOBAL VARIABLES LIKE '{name}'")[0][1]
    source.run(f"SET GLOBAL {name} = {value};\n")
    try:
        done = precheck(tmp_path / "changed", source, oceanbase)
    finally:
        source.run(f"SET GLOBAL {name} = {before};\n")
    assert statuses(done, item) == {"": status}, done.stderr
    assert done.returncode == (3 if status == "fail" else 0), done.stderr


def test_engine(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, TABLE + "CREATE TABLE m (id INT PRIMARY KEY) ENGINE = MyISAM;\n")
    assert statuses(precheck(tmp_path, mysql, oceanbase), "engine") == {f"{DATABASE}.m": "warn"}
    mysql.run("CREATE TABLE k (id INT, KEY (id)) ENGINE = MyISAM;\n", DATABASE)
    judged = statuses(precheck(tmp_path / "keyless", mysql, oceanbase), "engine")
    assert judged == {f"{DATABASE}.m": "warn", f"{DATABASE}.k": "fail"}


def test_a_column_type_nobody_knows(tmp_path, source, oceanbase):
    """The other tables are migrated once it is left out."""
    if source.name != "mariadb":
        fresh(source, oceanbase, TABLE)
        assert statuses(precheck(tmp_path, source, oceanbase), "column_type") == {"": "pass"}
        return
    fresh(source, oceanbase, TABLE + "CREATE TABLE strange (id INT PRIMARY KEY, a INET6);\n"
                                     "INSERT INTO strange VALUES (1, '::1');\nINSERT INTO t VALUES (1, 1);\n")
    done = precheck(tmp_path, source, oceanbase)
    assert done.returncode == 3, done.stderr
    assert "inet6" in done.stderr and "strange" in done.stderr, done.stderr
    run = godwit.Godwit(tmp_path / "rest", source, oceanbase, f"{DATABASE}.*",
                        options=["--exclude", f"{DATABASE}.strange"]).migrate()
    assert run.code == 0 and run.summary["rows"] == 1, run


def test_foreign_keys_out_of_the_selection(tmp_path, source, oceanbase):
    fresh(source, oceanbase,
          "CREATE TABLE p (id INT PRIMARY KEY);\n"
          "CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT cp FOREIGN KEY (p) REFERENCES p (id) "
          "ON DELETE CASCADE);\n")
    done = precheck(tmp_path / "child", source, oceanbase, "--exclude", f"{DATABASE}.p")
    assert statuses(done, "foreign_key_closure") == {f"{DATABASE}.c": "warn"}, done.stderr
    # What a cascade does to the child is in the log of MySQL 9.6 and later only.
    lost = {} if source.name == "mysql97" else {f"{DATABASE}.c": "fail"}
    assert statuses(done, "cascade_closure") == lost, done.stderr
    done = precheck(tmp_path / "parent", source, oceanbase, "--exclude", f"{DATABASE}.c")
    assert not statuses(done, "foreign_key_closure") and not statuses(done, "cascade_closure")
    done = precheck(tmp_path / "both", source, oceanbase)
    assert not statuses(done, "foreign_key_closure") and not statuses(done, "cascade_closure")


def test_one_table_at_both_ends(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, TABLE)
    done = precheck(tmp_path, mysql, mysql)
    assert done.returncode == 3, done.stderr
    assert statuses(done, "same_table") == {f"{DATABASE}.t": "fail"}


@pytest.mark.parametrize("rule", [f"{DATABASE}.*=godwit", f"{DATABASE}.*=Godwit",
                                  f"{DATABASE}.t={DATABASE}.godwit_heartbeat"])
def test_names_that_are_godwits_own(tmp_path, mysql, oceanbase, rule):
    fresh(mysql, oceanbase, TABLE)
    p = godwit.Godwit(tmp_path / "state", mysql, oceanbase, rule)
    run = p.migrate()
    assert run.code == 3 and "own_names" in run.err, run
    assert not oceanbase.query("SELECT 1 FROM information_schema.tables WHERE table_schema = 'godwit' AND "
                               "table_name IN ('t', 'godwit_heartbeat')")


def test_tables_of_the_destination(tmp_path, mysql, oceanbase):
    def judged(script, *options):
        fresh(mysql, oceanbase, TABLE)
        if script:
            oceanbase.run(f"CREATE DATABASE {DATABASE};\n")
            oceanbase.run(script, DATABASE)
        done = precheck(tmp_path, mysql, oceanbase, *options)
        return statuses(done, "destination_table"), done.returncode

    table = f"{DATABASE}.t"
    assert judged("") == ({}, 0)
    assert judged(TABLE) == ({table: "warn"}, 0)
    assert judged(TABLE + "INSERT INTO t VALUES (1, 1);\n") == ({table: "fail"}, 3)
    assert judged("CREATE TABLE t (id INT PRIMARY KEY);\n") == ({table: "fail"}, 3)
    assert judged("", "--types", "full") == ({table: "fail"}, 3)
    assert judged(TABLE, "--types", "full") == ({table: "pass"}, 0)


def test_collations_are_mapped_as_the_user_says(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9), UNIQUE KEY u (v)) "
                            "COLLATE utf8mb4_0900_ai_ci;\nINSERT INTO t VALUES (1, 'a'), (2, 'b');\n")

    def options(collation):
        return godwit.config(tmp_path / "p.toml",
                             f'[collations]\nutf8mb4_0900_ai_ci = "{collation}"\n')

    done = precheck(tmp_path / "default", mysql, oceanbase)
    assert "warn" in statuses(done, "unique_key_collation").values(), done.stderr
    done = precheck(tmp_path / "unknown", mysql, oceanbase, *options("utf8mb4_nowhere_ci"))
    assert done.returncode == 3 and "utf8mb4_nowhere_ci" in done.stderr, done.stderr
    run = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*",
                        options=options("utf8mb4_bin")).migrate()
    assert run.code == 0, run
    assert oceanbase.query("SELECT COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "
                           f"'{DATABASE}' AND COLUMN_NAME = 'v'")[0][0] == "utf8mb4_bin"


RIGHTS = {"read_privilege": "SELECT", "replication_client": "REPLICATION CLIENT",
          "replication_slave": "REPLICATION SLAVE", "reload": "RELOAD"}


@pytest.fixture
def account(source):
    """Makes an account of the source with these rights, and the server by its eyes."""
    # MySQL 5.6 comes with a nameless account of this host that goes before those of any host.
    names = ["judge@localhost", "judge@'%'"]

    def make(rights, objects="*.*", before=""):
        drop()
        for name in names:
            source.run(f"CREATE USER {name};\n{before.format(name)}"
                       + "".join(f"GRANT {right} ON {objects} TO {name};\n" for right in rights))
        return godwit.Server("judge", source.url.replace("root@", "judge@"))

    def drop():
        for name in names:
            if source.query("SELECT 1 FROM mysql.user WHERE User = 'judge' AND Host = "
                            f"'{name.split('@')[1].strip(chr(39))}'"):
                source.run(f"DROP USER {name};\n")

    yield make
    drop()


@pytest.mark.parametrize("item", RIGHTS)
def test_a_right_that_is_missing_at_the_source(tmp_path, source, oceanbase, account, item):
    fresh(source, oceanbase, TABLE)
    rest = [right for right in RIGHTS.values() if right != RIGHTS[item]]
    # A table is seen by whoever may do something with it.
    judge = account(rest + (["INSERT"] if item == "read_privilege" else []))
    done = precheck(tmp_path, judge, oceanbase)
    wanted = "fail" if item != "reload" or source.name != "mariadb" else "warn"
    found = statuses(done, item)
    assert wanted in found.values(), done.stderr
    assert done.returncode == (3 if wanted == "fail" else 0), done.stderr
    for other in RIGHTS:
        assert other == item or set(statuses(done, other).values()) == {"pass"}, done.stderr


def test_rights_by_a_role(tmp_path, source, oceanbase, account):
    if source.name == "mysql56":
        return  # has no roles
    fresh(source, oceanbase, TABLE)
    source.run("DROP ROLE IF EXISTS judges;\nCREATE ROLE judges;\n"
               f"GRANT {', '.join(RIGHTS.values())} ON *.* TO judges;\n")
    default = "ALTER USER {0} DEFAULT ROLE judges" if source.name == "mysql97" else "SET DEFAULT ROLE judges FOR {0}"
    try:
        judge = account([], before="GRANT judges TO {0};\n" + default + ";\n")
        done = precheck(tmp_path, judge, oceanbase)
    finally:
        source.run("DROP ROLE judges;\n")
    assert done.returncode == 0, done.stderr


def test_rights_that_are_missing_at_the_destination(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, TABLE)
    oceanbase.run(f"CREATE DATABASE {DATABASE};\nDROP USER IF EXISTS judge;\nCREATE USER judge;\n"
                  f"GRANT SELECT ON {DATABASE}.* TO judge;\n")
    judge = godwit.Server("judge", oceanbase.url.replace("root@", "judge@"))
    try:
        done = precheck(tmp_path, mysql, judge)
        assert done.returncode == 3, done.stderr
        assert statuses(done, "write_privilege") == {"": "fail"}, done.stderr
        assert statuses(done, "database_privilege").get(DATABASE) == "warn", done.stderr
        oceanbase.run(f"GRANT ALL ON {DATABASE}.* TO judge;\nGRANT ALL ON godwit.* TO judge;\n"
                      "GRANT CREATE ON *.* TO judge;\n")
        done = precheck(tmp_path / "granted", mysql, judge)
        assert statuses(done, "write_privilege") == {"": "pass"}, done.stderr
        assert statuses(done, "database_privilege") == {"": "pass"}, done.stderr
    finally:
        oceanbase.run("DROP USER judge;\n")


def test_a_destination_that_takes_no_writes(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, TABLE)
    oceanbase.run("SET GLOBAL read_only = 1;\n")
    try:
        done = precheck(tmp_path, mysql, oceanbase)
    finally:
        oceanbase.run("SET GLOBAL read_only = 0;\n")
    assert done.returncode == 3 and statuses(done, "read_only") == {"": "fail"}, done.stderr


def test_the_engines_memory_is_looked_at(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, TABLE)
    done = precheck(tmp_path, mysql, oceanbase)
    assert statuses(done, "memory_pressure") == {"": "pass"}
    assert "memstore) is used to" in done.stderr, done.stderr
