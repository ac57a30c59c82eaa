# SPDX-License-Identifier: Apache-2.0
"""Items of the precheck that need a server in a certain state to say something."""
import json
import re
import subprocess

import pytest

import conftest
import godwit

DATABASE = "judged"


def precheck(tmp_path, mysql, oceanbase, *options, database=DATABASE):
    return precheck_of(godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{database}.*"), *options)


def precheck_of(project, *options):
    words = [str(word) for word in project.arguments(*options)]
    words[1] = "precheck"
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120)


def fresh(mysql, oceanbase, script):
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\n")
    mysql.run(script, DATABASE)


def test_names_that_fold_together(tmp_path, mysql, oceanbase):
    assert oceanbase.query("SELECT @@lower_case_table_names")[0][0] == 1
    assert mysql.query("SELECT @@lower_case_table_names")[0][0] == 0
    fresh(mysql, oceanbase, "CREATE TABLE Orders (id INT PRIMARY KEY);\n"
                            "CREATE TABLE orders (id INT PRIMARY KEY);\n")
    done = precheck(tmp_path, mysql, oceanbase)
    assert done.returncode == 3, done.stderr
    assert "name_unique" in done.stderr and "lower_case_table_names" in done.stderr


def test_a_row_that_no_packet_holds(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, big LONGBLOB);\n"
                            "INSERT INTO t VALUES (1, REPEAT('x', 3000000)), (2, NULL);\n")
    before = oceanbase.query("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    oceanbase.run("SET GLOBAL max_allowed_packet = 2097152;\n")
    try:
        done = precheck(tmp_path, mysql, oceanbase)
    finally:
        oceanbase.run(f"SET GLOBAL max_allowed_packet = {before};\n")
    assert done.returncode == 3, done.stderr
    assert "max_allowed_packet" in done.stderr and "3000" in done.stderr


def test_every_item_is_listed(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, v INT);\nCREATE VIEW v AS SELECT id FROM t;\n")
    done = precheck(tmp_path, mysql, oceanbase)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    listed = {event["item"] for event in told if event["event"] in ("check", "warning")}
    for item in ("connection", "version", "clock", "lower_case_table_names", "sql_mode", "time_zone",
                 "charset", "column_type", "key", "read_privilege", "engine", "log_bin",
                 "binlog_format", "binlog_row_image", "server_id", "binlog_order_commits",
                 "log_retention", "replication_client", "replication_slave", "reload",
                 "write_privilege", "database_privilege", "max_allowed_packet", "trigger",
                 "read_only", "data_disk", "log_disk", "binlog_filter", "log_replica_updates", "view_privilege", "view_closure"):
        assert item in listed, item
        assert f": {item}@" in done.stderr, done.stderr


def test_a_skipped_item_is_no_objection(tmp_path, mysql, oceanbase):
    """It stands in the list, as skipped; neither a migration nor its log tells of it."""
    fresh(mysql, oceanbase, "CREATE TABLE t (v INT);\n")
    done = precheck(tmp_path, mysql, oceanbase, "--skip-check", "key")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    keys = {(event["event"], event["status"]) for event in told if event.get("item") == "key"}
    assert done.returncode == 0 and keys == {("check", "skipped")}, done.stdout
    run = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*",
                        options=["--skip-check", "key"]).migrate()
    assert run.code == 0 and "precheck skipped" not in run.err, run
    assert "precheck skipped" not in (tmp_path / "state" / "godwit.log").read_text()


NOBODY = godwit.Server("nobody", "mysql://root@127.0.0.1:1")
NAMED = re.compile(r'\b(?:Pass|PassIfQuiet|Warn|Fail|Try|CheckUse|Item|Look|expect)\(\s*(?:list, )?'
                   r'(?:note\.may_clash \? )?"([a-z_]+)"(?: : "([a-z_]+)")?|\bitem = "([a-z_]+)"')


def test_an_item_that_there_is_not(tmp_path):
    """Nobody is asked; what is spelt well goes on and finds that nobody answers."""
    for options in (["--skip-check", "binlog_formt"], ["--skip-check", "clock", "binlog_formt"],
                    godwit.config(tmp_path / "p.toml", 'skip_checks = ["binlog_formt"]\n')):
        done = precheck(tmp_path, NOBODY, NOBODY, *options)
        assert done.returncode == 2 and "ITEM_UNKNOWN" in done.stderr, done.stderr
        assert "'binlog_formt'" in done.stderr and "binlog_format, " in done.stderr, done.stderr
    done = precheck(tmp_path, NOBODY, NOBODY, "--skip-check", "clock", "binlog_format")
    assert done.returncode == 1 and "CONNECTION_FAILED" in done.stderr, done.stderr


def test_every_item_can_be_skipped(tmp_path):
    """The list of items has those that the sources give an outcome, and no others."""
    sources = godwit.ROOT / "src"
    files = [*sources.glob("stage/precheck*.cc"), sources / "connectors/memory/endpoint.cc",
             *(path for path in sources.rglob("checks*.cc") if not path.name.endswith("_test.cc"))]
    judged_there = {name for path in files for match in NAMED.finditer(path.read_text())
                    for name in match.groups() if name}
    done = precheck(tmp_path, NOBODY, NOBODY, "--skip-check", "no_such_item")
    assert set(re.search("precheck's items: ([a-z_, ]+)", done.stderr)[1].split(", ")) == judged_there


def test_heartbeat_without_the_right_to_write_it(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY);\n")
    mysql.run("DROP USER IF EXISTS reader;\nCREATE USER reader;\n"
              "GRANT SELECT, RELOAD, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO reader;\n")
    config = tmp_path / "project.toml"
    config.write_text('heartbeat = "nowhere_to_write"\n')
    reader = godwit.Server("reader", mysql.url.replace("root@", "reader@"))
    done = precheck(tmp_path, reader, oceanbase, "--config", config)
    mysql.run("DROP USER reader;\n")
    assert done.returncode == 3, done.stderr
    assert "heartbeat" in done.stderr and "nowhere_to_write" in done.stderr
    done = precheck(tmp_path / "other", mysql, oceanbase, "--config", config)
    assert done.returncode == 0, done.stderr
    mysql.drop("nowhere_to_write")


def test_a_replica_that_does_not_log_what_it_applies(tmp_path, source, oceanbase):
    """Its clients' changes would be captured, its source's would be missed without a word."""
    fresh(source, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY);\n")
    logs = source.query("SHOW VARIABLES WHERE Variable_name IN ('log_slave_updates', 'log_replica_updates')")
    new = source.name == "mysql97"
    source.run("CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = 1;\n" if new else
                "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1;\n")
    try:
        done = precheck(tmp_path, source, oceanbase)
    finally:
        source.run("RESET REPLICA ALL;\n" if new else "RESET SLAVE ALL;\n")
    assert (done.returncode == 3) == (logs[0][1] == "OFF"), done.stderr
    assert ("is a replica and log_replica_updates is OFF" in done.stderr) == (logs[0][1] == "OFF")


def test_a_database_that_the_log_leaves_out(tmp_path, oceanbase):
    source = conftest.server("GODWIT_TEST_MYSQL97TLS_URL", "tls")
    with_root = godwit.Server("tls", f"mysql://root@127.0.0.1:{source.port}")
    for database, code in (("unlogged", 3), ("logged", 0)):
        oceanbase.drop(database)
        with_root.drop(database)
        with_root.run(f"CREATE DATABASE {database};\nCREATE TABLE {database}.t (id INT PRIMARY KEY);\n")
        done = precheck(tmp_path / database, source, oceanbase, database=database)
        assert done.returncode == code, done.stderr
        assert "binlog_filter" in done.stderr and "binlog-ignore-db='unlogged'" in done.stderr, done.stderr


def test_an_account_with_what_the_guide_asks_for(tmp_path, source, oceanbase):
    """No item may ask for more, also not by what it looks at."""
    fresh(source, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY);\nCREATE VIEW v AS SELECT id FROM t;\n")
    # MySQL 5.6 comes with a nameless account of this host that goes before those of any host.
    accounts = ["least@localhost", "least@'%'"]
    for account in accounts:
        source.run(f"CREATE USER {account};\nGRANT SELECT, RELOAD, REPLICATION SLAVE, REPLICATION CLIENT, "
                   f"SHOW VIEW ON *.* TO {account};\n")
    least = godwit.Server("least", source.url.replace("root@", "least@"))
    try:
        done = precheck(tmp_path, least, oceanbase)
    finally:
        source.run("".join(f"DROP USER {account};\n" for account in accounts))
    assert done.returncode == 0, done.stderr


def outcomes(out, item):
    """What the item said, by object, with its remedy."""
    told = [json.loads(line) for line in out.splitlines()]
    return {event.get("object", ""): (event["status"], event["remedy"]) for event in told
            if event.get("stage") == "precheck" and event.get("item") == item}


def judged(done):
    return {name: status for name, (status, _) in outcomes(done.stdout, "destination_table").items()}


@pytest.mark.parametrize("there, taken", [("CREATE VIEW v AS SELECT 1 AS id;\n", "v"),
                                          ("CREATE TABLE v (id INT);\n", "v"),
                                          ("CREATE VIEW t AS SELECT 1 AS id;\n", "t")],
                         ids=["view by view", "view by table", "table by view"])
def test_a_place_that_is_taken_at_the_destination(tmp_path, mysql, oceanbase, there, taken):
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY);\nCREATE VIEW v AS SELECT id FROM t;\n")
    oceanbase.run(f"CREATE DATABASE {DATABASE};\n")
    oceanbase.run(there, DATABASE)
    done = precheck(tmp_path, mysql, oceanbase)
    assert (done.returncode, judged(done)) == (3, {f"{DATABASE}.{taken}": "fail"}), done.stderr


def test_a_table_that_cannot_be_looked_at(tmp_path, mysql, oceanbase):
    """All else is told nevertheless."""
    tables = "CREATE TABLE t (id INT PRIMARY KEY);\nCREATE TABLE u (id INT PRIMARY KEY);\n"
    fresh(mysql, oceanbase, tables)
    oceanbase.run(f"CREATE DATABASE {DATABASE};\n")
    oceanbase.run(tables, DATABASE)
    oceanbase.run("DROP USER IF EXISTS looker;\nCREATE USER looker;\n"
                  f"GRANT INSERT ON {DATABASE}.t TO looker;\nGRANT ALL ON {DATABASE}.u TO looker;\n")
    looker = godwit.Server("looker", oceanbase.url.replace("root@", "looker@"))
    try:
        done = precheck(tmp_path, mysql, looker)
    finally:
        oceanbase.run("DROP USER looker;\n")
    assert done.returncode == 3, done.stderr
    assert judged(done) == {f"{DATABASE}.t": "fail", f"{DATABASE}.u": "warn"}, done.stderr
    assert outcomes(done.stdout, "connection") and outcomes(done.stdout, "write_privilege"), done.stdout


def test_comparing_what_is_not_there(tmp_path, mysql, oceanbase):
    """It is a warning; once that is accepted, the rest is compared and the table counts as a difference."""
    script = "CREATE TABLE t (id INT PRIMARY KEY);\nINSERT INTO t VALUES (1);\n"
    fresh(mysql, oceanbase, script + "CREATE TABLE u (id INT PRIMARY KEY);\n")
    oceanbase.run(f"CREATE DATABASE {DATABASE};\n")
    oceanbase.run(script, DATABASE)
    words = [str(godwit.PROGRAM), "verify", "--source", mysql.url, "--destination", oceanbase.url, "--objects",
             f"{DATABASE}.*", "--state-dir", str(tmp_path / "state"), "--json"]
    for more, code in (([], 3), (["--yes"], 4)):
        done = subprocess.run([*words, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True, timeout=120)
        assert done.returncode == code, done.stderr
        status, remedy = outcomes(done.stdout, "destination_table")[f"{DATABASE}.u"]
        assert status == "warn" and "--exclude" in remedy and "--types" not in remedy, remedy
    assert json.loads(done.stdout.splitlines()[-1])["inconsistent"] == 1, done.stdout
