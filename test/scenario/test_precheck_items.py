# SPDX-License-Identifier: Apache-2.0
"""Each item of the precheck, brought to say something: the state of a server that it is there for."""
import json
import subprocess

import pytest

import conftest
import godwit
from test_ddl_following import summer  # noqa: F401
from test_precheck import DATABASE, fresh, outcomes, precheck, precheck_of

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v INT);\n"


TIMES = "CREATE TABLE t (id INT PRIMARY KEY, d DATETIME);\n"


def statuses(done, item, side=None):
    """What the item said, by object; of both sides, or of one."""
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {event.get("object", ""): event["status"] for event in told
            if event.get("stage") == "precheck" and event.get("item") == item
            and side in (None, event.get("side"))}


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


class Global:
    """A variable of the server that has this text for a while."""

    def __init__(self, server, name, value):
        self.server, self.name, self.value = server, name, value

    def set(self, value):
        self.server.run(f"SET GLOBAL {self.name} = '{value}';\n")

    def __enter__(self):
        self.before = self.server.query(f"SELECT @@GLOBAL.{self.name}")[0][0]
        self.set(self.value)

    def __exit__(self, *_):
        self.set(self.before)


@pytest.mark.parametrize("server, mode, status", [
    ("mysql97", "PIPES_AS_CONCAT", "warn"), ("mysql56", "HIGH_NOT_PRECEDENCE", "warn"),
    ("mariadb", "PIPES_AS_CONCAT", "warn"), ("mysql97", "ANSI_QUOTES", "pass")])
def test_modes_under_which_statements_read_otherwise(tmp_path, oceanbase, server, mode, status):
    source = conftest.server(conftest.SOURCES[server], server)
    fresh(source, oceanbase, TABLE)
    assert statuses(precheck(tmp_path / "default", source, oceanbase), "sql_mode", "source") == {"": "pass"}
    with Global(source, "sql_mode", mode):
        done = precheck(tmp_path / "set", source, oceanbase)
        copied = precheck(tmp_path / "copied", source, oceanbase, "--types", "schema,full")
    assert statuses(done, "sql_mode", "source") == {"": status}, done.stderr
    assert statuses(copied, "sql_mode", "source") == {"": "pass"}, copied.stderr
    assert done.returncode == copied.returncode == 0, done.stderr


@pytest.mark.parametrize("zone, table, options, is_told", [
    ("Godwit/Summer", TIMES, [], True), ("+08:00", TIMES, [], False), ("Godwit/Summer", TABLE, [], False),
    ("Godwit/Summer", TIMES, ["--types", "schema,full"], False)],
    ids=["summer time", "an offset", "no times", "no statements"])
def test_a_zone_whose_clock_is_changed(tmp_path, mysql, oceanbase, summer, zone, table, options, is_told):  # noqa: F811
    fresh(mysql, oceanbase, table)
    with Global(mysql, "time_zone", zone):
        done = precheck(tmp_path, mysql, oceanbase, *options)
    assert statuses(done, "time_zone", "source") == {"": "pass"}, done.stderr
    text = [line for line in done.stdout.splitlines() if '"time_zone"' in line and '"source"' in line]
    assert len(text) == 1 and ("waits for your answer" in text[0]) == is_told, text
    assert done.returncode == 0, done.stderr


def test_a_zone_that_has_a_name_and_one_offset(tmp_path, source, oceanbase):
    """The servers of the tests say SYSTEM, which is the machine's."""
    fresh(source, oceanbase, TIMES)
    zone, system = source.query("SELECT @@GLOBAL.time_zone, @@system_time_zone")[0]
    done = precheck(tmp_path, source, oceanbase)
    assert statuses(done, "time_zone", "source") == {"": "pass"}, done.stderr
    assert ("waits for your answer" in done.stdout) == ((zone, system) != ("SYSTEM", "UTC")), done.stdout


def test_a_clock_that_is_off(tmp_path, source, oceanbase, account):
    """Sessions of those who may do little begin in another century."""
    fresh(source, oceanbase, TABLE)
    judge = account(RIGHTS.values())
    assert statuses(precheck(tmp_path / "right", judge, oceanbase), "clock", "source") == {"": "pass"}
    with Global(source, "init_connect", "SET timestamp = 946684800"):
        done = precheck(tmp_path / "off", judge, oceanbase)
    assert statuses(done, "clock", "source") == {"": "warn"}, done.stderr
    assert done.returncode == 0, done.stderr


def test_a_server_whose_log_nobody_reads(tmp_path, mysql, oceanbase):
    fresh(oceanbase, mysql, TABLE)
    done = precheck(tmp_path / "followed", oceanbase, mysql)
    assert (done.returncode, statuses(done, "log_bin")) == (3, {"": "fail"}), done.stderr
    done = precheck(tmp_path / "copied", oceanbase, mysql, "--types", "schema,full")
    assert statuses(done, "log_bin") == {}, done.stderr
    oceanbase.drop(DATABASE)


def test_a_definition_that_is_not_understood(tmp_path, oceanbase):
    mariadb = conftest.server(conftest.SOURCES["mariadb"], "mariadb")
    fresh(mariadb, oceanbase, TABLE + "CREATE TABLE h (id INT PRIMARY KEY) WITH SYSTEM VERSIONING;\n")
    done = precheck(tmp_path / "with", mariadb, oceanbase)
    assert (done.returncode, statuses(done, "definition")) == (3, {f"{DATABASE}.h": "fail"}), done.stderr
    done = precheck(tmp_path / "without", mariadb, oceanbase, "--exclude", f"{DATABASE}.h")
    assert (done.returncode, statuses(done, "definition")) == (0, {}), done.stderr


def test_capitals_that_the_destination_does_not_keep(tmp_path, mysql, oceanbase):
    assert oceanbase.query("SELECT @@lower_case_table_names")[0][0] == 1
    fresh(mysql, oceanbase, TABLE)
    done = precheck(tmp_path / "small", mysql, oceanbase)
    assert statuses(done, "lower_case_table_names") == {"": "pass"}, done.stderr
    mysql.run("CREATE TABLE Orders (id INT PRIMARY KEY);\n", DATABASE)
    done = precheck(tmp_path / "large", mysql, oceanbase)
    assert statuses(done, "lower_case_table_names", "destination") == {"": "warn"}, done.stderr
    assert statuses(done, "lower_case_table_names", "source") == {"": "pass"}, done.stderr
    assert done.returncode == 0 and f"{DATABASE}.Orders" in done.stderr, done.stderr


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


def test_cascades_that_the_destination_has_to_do(tmp_path, source, oceanbase):
    """Tables made by the user, whose key does nothing, or something else, to its child."""
    fresh(source, oceanbase,
          "CREATE TABLE p (id INT PRIMARY KEY);\n"
          "CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT cp FOREIGN KEY (p) REFERENCES p (id) "
          "ON DELETE CASCADE);\n")
    oceanbase.run(f"CREATE DATABASE IF NOT EXISTS {DATABASE};\nUSE {DATABASE};\n"
                  "CREATE TABLE p (id INT PRIMARY KEY);\nCREATE TABLE c (id INT PRIMARY KEY, p INT);\n")
    lost = {} if source.name == "mysql97" else {f"{DATABASE}.c": "fail"}

    def judged(name, types):
        done = precheck(tmp_path / name, source, oceanbase, "--types", types)
        return statuses(done, "cascade_closure")
    assert judged("none", "incremental") == lost
    assert not judged("made", "schema,full,incremental")
    oceanbase.run("ALTER TABLE c ADD CONSTRAINT cp FOREIGN KEY (p) REFERENCES p (id);\n", DATABASE)
    assert judged("other", "incremental") == lost
    assert judged("named", "schema,full,incremental") == lost
    oceanbase.run("ALTER TABLE c DROP FOREIGN KEY cp;\nALTER TABLE c ADD CONSTRAINT x FOREIGN KEY (p) "
                  "REFERENCES p (id) ON DELETE CASCADE;\n", DATABASE)
    assert not judged("same", "incremental")


def test_cascades_of_the_destination_alone(tmp_path, source, oceanbase):
    """What they would do to rows, the source's rows do not do."""
    fresh(source, oceanbase,
          "CREATE TABLE p (id INT PRIMARY KEY);\nCREATE TABLE c (id INT PRIMARY KEY, p INT);\n"
          "CREATE TABLE q (id INT PRIMARY KEY, p INT, CONSTRAINT qp FOREIGN KEY (p) REFERENCES p (id));\n")
    oceanbase.run(f"CREATE DATABASE IF NOT EXISTS {DATABASE};\nUSE {DATABASE};\n"
                  "CREATE TABLE p (id INT PRIMARY KEY);\n"
                  "CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT cp FOREIGN KEY (p) REFERENCES p (id) "
                  "ON DELETE CASCADE);\n"
                  "CREATE TABLE q (id INT PRIMARY KEY, p INT, CONSTRAINT qp FOREIGN KEY (p) REFERENCES p (id));\n")
    judged = lambda *rules: statuses(precheck(tmp_path / str(len(rules)), source, oceanbase, "--types", "incremental",
                                              *rules), "cascade_closure")
    lost = {} if source.name == "mysql97" else {f"{DATABASE}.c": "fail"}
    assert judged() == lost
    assert judged("--exclude", f"{DATABASE}.c") == lost  # it is there all the same
    oceanbase.run("ALTER TABLE c DROP FOREIGN KEY cp;\n", DATABASE)
    assert not judged("--exclude", f"{DATABASE}.q", "--name", "without")
    both = ("CREATE TABLE Par (id INT PRIMARY KEY);\nCREATE TABLE Kid (id INT PRIMARY KEY, p INT, CONSTRAINT kp FOREIGN KEY "
            "(p) REFERENCES Par (id) ON DELETE CASCADE);\n")
    for server in (source, oceanbase):  # which makes small letters of them
        server.run(both, DATABASE)
    assert not judged("--exclude", f"{DATABASE}.c", "--name", "capitals")


@pytest.mark.parametrize("where, actions, is_lost", [
    ("p", "ON DELETE CASCADE", True), ("p", "ON UPDATE CASCADE", True), ("p", "", False),
    ("c", "ON DELETE SET NULL", True), ("c", "ON DELETE CASCADE", False), ("other", "ON DELETE SET NULL", False)])
def test_cascades_and_row_filters(tmp_path, source, oceanbase, where, actions, is_lost):
    """The destination's key would cascade from other parents, or let rows pass the child's filter unseen."""
    fresh(source, oceanbase,
          "CREATE TABLE p (id INT PRIMARY KEY, gone INT);\nCREATE TABLE other (id INT PRIMARY KEY);\n"
          f"CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT cp FOREIGN KEY (p) REFERENCES p (id) {actions});\n")
    filters = {"p": "gone = 0", "c": "p IS NULL", "other": "id > 1"}
    config = godwit.config(tmp_path / "p.toml", f"objects = ['{DATABASE}.*', {{rule = '{DATABASE}.{where}', "
                                                f"where = '{filters[where]}'}}]\n")
    done = precheck_of(godwit.Godwit(tmp_path / "state", source, oceanbase, options=config))
    is_lost = is_lost and source.name != "mysql97"
    assert statuses(done, "cascade_closure") == ({f"{DATABASE}.c": "fail"} if is_lost else {}), done.stderr
    assert done.returncode == (3 if is_lost else 0), done.stderr


def test_what_applications_would_miss_is_a_warning(tmp_path, source, oceanbase):
    fresh(source, oceanbase,
          "CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE "
          "CURRENT_TIMESTAMP, p INT, CONSTRAINT self FOREIGN KEY (p) REFERENCES t (id) ON DELETE SET NULL);\n"
          "CREATE TABLE plain (id INT PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE "
          "CURRENT_TIMESTAMP);\n")
    lost = {} if source.name == "mysql97" else {f"{DATABASE}.t.at": "warn"}
    done = precheck(tmp_path, source, oceanbase)
    assert {k: v for k, v in statuses(done, "conversion").items() if v != "pass"} == lost, done.stderr
    assert done.returncode == 0 and "ON UPDATE" not in done.stderr if not lost else "ON UPDATE" in done.stderr


def test_rules_that_match_nothing(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, TABLE)
    done = precheck(tmp_path / "names", mysql, oceanbase, "--objects", f"{DATABASE}.typo", "--objects",
                    f"{DATABASE}.x_*", "--exclude", f"{DATABASE}.gone")
    assert statuses(done, "rule") == {f"{DATABASE}.{name}": "warn" for name in ("typo", "x_*", "gone")}, done.stderr
    done = precheck(tmp_path / "case", mysql, oceanbase, "--exclude", f"{DATABASE}.[A-Z]*", "--exclude", "OTHER.*",
                    "--objects", f"{DATABASE}.T")
    assert statuses(done, "rule") == {f"{DATABASE}.[A-Z]*": "warn", "OTHER.*": "warn", f"{DATABASE}.T": "warn"}, done.stderr
    done = precheck(tmp_path / "excluded", mysql, oceanbase, "--exclude", f"{DATABASE}.T")
    assert statuses(done, "rule") == {f"{DATABASE}.T": "fail"}, done.stderr
    config = godwit.config(tmp_path / "p.toml", f"objects = ['{DATABASE}.*', {{rule = '{DATABASE}.T', where = 'id > 1'}}]\n")
    done = precheck_of(godwit.Godwit(tmp_path / "filter", mysql, oceanbase, options=config))
    assert statuses(done, "rule") == {f"{DATABASE}.T": "fail"}, done.stderr
    assert not statuses(precheck(tmp_path / "good", mysql, oceanbase), "rule")


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
    wanted = "fail" if item != "reload" or source.name != "mariadb" else "pass"  # its snapshots know their place
    found = statuses(done, item)
    assert wanted in found.values(), done.stderr
    assert done.returncode == (3 if wanted == "fail" else 0), done.stderr
    for other in RIGHTS:
        assert other == item or set(statuses(done, other).values()) == {"pass"}, done.stderr


def test_a_view_whose_definition_is_not_shown(tmp_path, source, oceanbase, account):
    fresh(source, oceanbase, TABLE + "CREATE VIEW v AS SELECT id FROM t;\n")
    judge = account(RIGHTS.values())
    done = precheck(tmp_path / "without", judge, oceanbase)
    status, remedy = outcomes(done.stdout, "view_privilege")[f"{DATABASE}.v"]
    assert (done.returncode, status) == (3, "fail") and "GRANT SHOW VIEW" in remedy, done.stderr
    done = precheck(tmp_path / "copied", judge, oceanbase, "--exclude", f"{DATABASE}.v")
    assert (done.returncode, statuses(done, "view_privilege")) == (0, {}), done.stderr
    judge = account([*RIGHTS.values(), "SHOW VIEW"])
    done = precheck(tmp_path / "with", judge, oceanbase)
    assert (done.returncode, statuses(done, "view_privilege")) == (0, {"": "pass"}), done.stderr


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


@pytest.fixture
def writer(oceanbase):
    """Makes an account of the destination with these grants and those on Godwit's own database, and the
    server by its eyes. What was tried is gone in the end."""
    def make(*grants):
        oceanbase.run("DROP USER IF EXISTS judge;\nCREATE USER judge;\n"
                      + "".join(f"GRANT {grant} TO judge;\n"
                                for grant in ("ALL ON godwit.*", "CREATE ON *.*", *grants)))
        return godwit.Server("judge", oceanbase.url.replace("root@", "judge@"))

    def trials():
        return oceanbase.query("SELECT table_schema, table_name FROM information_schema.tables WHERE table_name "
                               "LIKE 'godwit!_trial!_%' ESCAPE '!'")

    before = trials()  # of prechecks that other tests have killed
    yield make
    oceanbase.run("DROP USER IF EXISTS judge;\n")
    assert trials() == before


def test_rights_that_are_missing_at_the_destination(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, TABLE)
    oceanbase.run(f"CREATE DATABASE {DATABASE};\nDROP USER IF EXISTS judge;\nCREATE USER judge;\n"
                  f"GRANT SELECT ON {DATABASE}.* TO judge;\n")
    judge = godwit.Server("judge", oceanbase.url.replace("root@", "judge@"))
    try:
        done = precheck(tmp_path, mysql, judge)
        assert done.returncode == 3, done.stderr
        assert statuses(done, "write_privilege") == {"": "fail"}, done.stderr
        assert statuses(done, "database_privilege") == {DATABASE: "fail"}, done.stderr
    finally:
        oceanbase.run("DROP USER judge;\n")


def test_all_rights_in_a_database_that_is_there(tmp_path, mysql, oceanbase, writer):
    """The trial is seen by no other item; a key that refers is tried where one is to be made."""
    fresh(mysql, oceanbase, TABLE + "CREATE TABLE c (id INT PRIMARY KEY, t INT, FOREIGN KEY (t) REFERENCES t (id));\n")
    oceanbase.run(f"CREATE DATABASE {DATABASE};\n")
    done = precheck(tmp_path, mysql, writer(f"ALL ON {DATABASE}.*"))
    assert statuses(done, "write_privilege") == {"": "pass"}, done.stderr
    assert statuses(done, "database_privilege") == {"": "pass"}, done.stderr
    assert (done.returncode, statuses(done, "destination_table")) == (0, {}), done.stderr
    assert not oceanbase.query(f"SELECT 1 FROM information_schema.tables WHERE table_schema = '{DATABASE}'")


TRIED = ["CREATE", "DROP", "ALTER", "INSERT", "UPDATE", "DELETE"]


@pytest.mark.parametrize("missing", [[right] for right in TRIED] + [[*TRIED, "SELECT", "INDEX"]],
                         ids=[*TRIED, "all"])
def test_a_right_that_is_missing_in_a_database_that_is_there(tmp_path, mysql, oceanbase, writer, missing):
    fresh(mysql, oceanbase, TABLE)
    oceanbase.run(f"CREATE DATABASE {DATABASE};\n")
    rights = [right for right in (*TRIED, "SELECT", "INDEX") if right not in missing]
    judge = writer(*([f"{', '.join(rights)} ON {DATABASE}.*"] if rights else []))
    if "CREATE" in missing:  # which it has everywhere otherwise, for the database godwit
        oceanbase.run("CREATE DATABASE IF NOT EXISTS godwit;\nREVOKE CREATE ON *.* FROM judge;\n")
    done = precheck(tmp_path, mysql, judge)
    assert (done.returncode, statuses(done, "database_privilege")) == (3, {DATABASE: "fail"}), done.stderr
    assert statuses(done, "write_privilege") == {"": "pass"}, done.stderr
    assert f"ON `{DATABASE}`.*" in outcomes(done.stdout, "database_privilege")[DATABASE][1]


@pytest.mark.parametrize("rights, status", [("CREATE, DROP, ALTER, INSERT, UPDATE, DELETE, SELECT, INDEX", "fail"),
                                            ("ALL", "pass")])
def test_the_right_to_make_views_is_tried_where_there_are_any(tmp_path, mysql, oceanbase, writer, rights, status):
    fresh(mysql, oceanbase, TABLE + "CREATE VIEW seen AS SELECT id FROM t;\n")
    oceanbase.run(f"CREATE DATABASE {DATABASE};\n")
    done = precheck(tmp_path, mysql, writer(f"{rights} ON {DATABASE}.*"))
    assert set(statuses(done, "database_privilege").values()) == {status}, done.stderr
    assert not oceanbase.query(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{DATABASE}'")


def test_rights_in_a_database_to_be_made_are_guessed(tmp_path, mysql, oceanbase, writer):
    """None is made to find out; nor is a table by an account that makes none."""
    fresh(mysql, oceanbase, TABLE)
    done = precheck(tmp_path / "absent", mysql, writer())
    assert statuses(done, "database_privilege") == {DATABASE: "warn"}, done.stderr
    assert not oceanbase.query(f"SELECT 1 FROM information_schema.schemata WHERE schema_name = '{DATABASE}'")
    oceanbase.run(f"CREATE DATABASE {DATABASE};\n")
    oceanbase.run(TABLE, DATABASE)
    judge = writer(f"SELECT, INSERT, UPDATE, DELETE ON {DATABASE}.*")
    done = precheck(tmp_path / "full", mysql, judge, "--types", "full")
    assert (done.returncode, statuses(done, "database_privilege")) == (0, {"": "pass"}), done.stderr
    done = precheck(tmp_path / "followed", mysql, judge, "--types", "full,incremental")
    assert statuses(done, "database_privilege") == {DATABASE: "warn"}, done.stderr
    assert "ALTER" in done.stderr, done.stderr


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


def test_a_view_over_what_is_not_selected(tmp_path, source, oceanbase):
    """Also beside another view and under an alias; what is there by itself will do."""
    fresh(source, oceanbase, TABLE + "CREATE TABLE other (id INT PRIMARY KEY);\n"
          "CREATE VIEW v AS SELECT a.id FROM t a JOIN other b ON a.id = b.id;\n"
          "CREATE VIEW w AS SELECT id FROM v WHERE id IN (SELECT id FROM other);\n")
    done = precheck(tmp_path / "open", source, oceanbase, "--exclude", f"{DATABASE}.other")
    found = outcomes(done.stdout, "view_closure")
    assert {view: status for view, (status, _) in found.items()} == {f"{DATABASE}.v": "fail", f"{DATABASE}.w": "fail"}
    assert done.returncode == 3 and f"{DATABASE}.other" in done.stderr and "select it too" in found[f"{DATABASE}.v"][1]
    done = precheck(tmp_path / "closed", source, oceanbase)
    assert (done.returncode, statuses(done, "view_closure")) == (0, {"": "pass"}), done.stderr
    oceanbase.run(f"CREATE DATABASE IF NOT EXISTS {DATABASE};\nCREATE TABLE {DATABASE}.other (id INT PRIMARY KEY);\n")
    done = precheck(tmp_path / "there", source, oceanbase, "--exclude", f"{DATABASE}.other")
    assert (done.returncode, statuses(done, "view_closure")) == (0, {"": "pass"}), done.stderr
