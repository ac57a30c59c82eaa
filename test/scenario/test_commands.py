# SPDX-License-Identifier: Apache-2.0
"""The commands as a database administrator uses them, beside a running migration and after it."""
import json
import os
import signal
import subprocess
import threading

import pytest

import compare
import godwit

DATABASE = "commands"
NOBODY = "mysql://root@127.0.0.1:1"


@pytest.fixture
def tables(mysql, oceanbase):
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\n"
              f"CREATE TABLE {DATABASE}.a (id INT PRIMARY KEY, v INT);\n"
              f"CREATE TABLE {DATABASE}.b (id INT PRIMARY KEY, v INT);\n"
              f"INSERT INTO {DATABASE}.a VALUES (1, 1), (2, 2), (3, 3);\n"
              f"INSERT INTO {DATABASE}.b VALUES (1, 1), (2, 2);\n")


def project(tmp_path, mysql, oceanbase, rule=f"{DATABASE}.*", **more):
    return godwit.Godwit(tmp_path / "state", mysql, oceanbase, rule, **more)


def command(*words, timeout=120, environment=None):
    return subprocess.run([str(w) for w in (godwit.PROGRAM, *words)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                          timeout=timeout, env={**os.environ, **(environment or {})})


def start(*words):
    return subprocess.Popen([str(w) for w in (godwit.PROGRAM, *words)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def verify(p, *words):
    done = p.other("verify", p.name, *words, "--json", timeout=300)
    run = godwit.Run(done.returncode, done.stdout, done.stderr)
    summaries = [event for event in run.events if event["event"] == "summary"]
    assert len(summaries) == 1 and run.events[-1] == summaries[0], run.events
    return run


def wait_changes(p, count):
    godwit.wait(lambda: p.show()["flow"]["replayed_rows"] >= count, 60, f"{count} changes")


@pytest.fixture
def followed(tmp_path, mysql, oceanbase, tables):
    """A project that has caught up and follows its source."""
    p = project(tmp_path, mysql, oceanbase)
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    return p, following


def slow(tmp_path, mysql, oceanbase, rows):
    """A project whose copy takes as many seconds as a hundred rows each need."""
    values = ", ".join(f"({n}, {n})" for n in range(10, rows))
    mysql.run(f"INSERT INTO {DATABASE}.a VALUES {values};\n")
    file = tmp_path / "slow.toml"
    file.write_text("[limits]\nrows_per_second = 100\nchunk_bytes = 1000\nreaders = 1\n")
    return project(tmp_path, mysql, oceanbase, options=["--config", file])


# --- verify beside a running migrate ---


def test_verify_beside_a_running_migrate(mysql, oceanbase, followed):
    p, following = followed
    stop = threading.Event()

    def write():
        connection = mysql.connect(DATABASE)
        cursor = connection.cursor()
        n = 1000
        while not stop.wait(0.02):
            n += 1
            cursor.execute("INSERT INTO a VALUES (%s, %s)", (n, n))
            cursor.execute("UPDATE b SET v = v + 1 WHERE id = 1")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        equal = verify(p)
        assert equal.code == 0 and equal.summary["status"] == "completed", equal
        assert equal.summary["tables"] == 2 and equal.summary["rows"] == 5, equal
        oceanbase.run(f"UPDATE {DATABASE}.a SET v = 77 WHERE id = 2;\n"
                      f"DELETE FROM {DATABASE}.a WHERE id = 3;\n")
        found = verify(p)
        assert found.code == 4 and found.summary["status"] == "inconsistent", found
        assert found.summary["inconsistent"] == 2, found
        chosen = verify(p, f"{DATABASE}.b")
        assert chosen.code == 0 and chosen.summary["tables"] == 1, chosen
        pattern = verify(p, f"{DATABASE}.[ab]")
        assert pattern.code == 4 and pattern.summary["tables"] == 2, pattern
        shown = p.other("project", "show", p.name)
        assert "1 missing, 1 different" in shown.stdout, shown.stdout
        corrected = verify(p, "--correct")
        assert corrected.code == 0, corrected
    finally:
        stop.set()
        writer.join()
    assert following.process.poll() is None
    run = following.stop()
    assert run.code == 130, run
    assert p.migrate().code == 0
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_verify_beside_knows_its_tables(followed):
    p, following = followed
    run = verify(p, f"{DATABASE}.no_such_table")
    assert run.code == 1 and "TABLE_NOT_SELECTED" in run.err, run
    assert following.process.poll() is None  # the project goes on
    assert verify(p).code == 0


def test_verify_alone_compares_chosen_tables(tmp_path, mysql, oceanbase, tables):
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    oceanbase.run(f"DELETE FROM {DATABASE}.a WHERE id = 3;\n")
    assert verify(p, f"{DATABASE}.b").code == 0
    found = verify(p, f"{DATABASE}.a")
    assert found.code == 4 and found.summary["tables"] == 1, found


def test_verify_waits_for_the_copy(tmp_path, mysql, oceanbase, tables):
    p = slow(tmp_path, mysql, oceanbase, 600)
    following = godwit.Following(p)
    following.wait_stage("full", "running")
    run = verify(p)
    assert run.code == 0 and run.summary["status"] == "completed", run
    assert p.stage("full") == "done"
    assert following.stop().code == 130


def test_verify_whose_project_is_killed(tmp_path, mysql, oceanbase, tables):
    p = slow(tmp_path, mysql, oceanbase, 3000)
    following = godwit.Following(p)
    following.wait_stage("full", "running")
    asked = start("verify", p.name, "--state-dir", p.state, "--json")
    first = asked.stdout.readline()
    assert json.loads(first)["event"] == "project", first
    following.kill()
    out, err = asked.communicate(timeout=60)
    assert asked.returncode == 1 and "VERIFICATION_CUT_OFF" in err, err
    assert json.loads(out.splitlines()[-1])["status"] == "failed"
    # A half-copied project is not compared.
    alone = verify(p)
    assert alone.code == 1 and "PROJECT_NOT_COPIED" in alone.err, alone


def test_verify_waits_for_the_indexes_of_a_killed_project(tmp_path, mysql, oceanbase, tables):
    """Its foreign keys are made after the rows: without them it must not replay."""
    p = project(tmp_path, mysql, oceanbase)
    died = godwit.Following(p, environment={"GODWIT_CRASH_POINT": "stage-after-done:3"})
    godwit.wait(lambda: died.process.poll() is not None, 60, "its end")
    died.process.communicate()
    assert died.process.returncode == -9
    assert (p.stage("full"), p.stage("indexes")) == ("done", "pending")
    alone = verify(p)
    assert alone.code == 1 and "PROJECT_NOT_COPIED" in alone.err, alone
    assert p.migrate().code == 0
    assert verify(p).code == 0


def state_of(p):
    listed = p.other("project", "list", "--json")
    return next(line["state"] for line in map(json.loads, listed.stdout.splitlines()) if line.get("name") == p.name)


def test_looking_does_not_change_what_a_project_is(tmp_path, mysql, oceanbase, tables):
    p = project(tmp_path, mysql, oceanbase)
    words = [w for w in p.arguments() if w not in ("migrate", str(godwit.PROGRAM))]
    wrong = [NOBODY if w == mysql.url else w for w in words]
    assert command("precheck", *wrong).returncode == 1 and state_of(p) == "failed"
    assert command("precheck", *words).returncode == 0
    assert state_of(p) == "not_started"
    assert p.migrate().code == 0 and state_of(p) == "completed"
    assert command("precheck", *words).returncode == 3  # the tables have rows now
    assert state_of(p) == "completed"
    oceanbase.run(f"DELETE FROM {DATABASE}.a WHERE id = 3;\n")
    assert verify(p).code == 4 and state_of(p) == "inconsistent"
    assert verify(p, f"{DATABASE}.b").code == 0 and state_of(p) == "inconsistent"
    assert verify(p, "--correct").code == 0 and state_of(p) == "completed"


def test_verify_is_called_off_by_ctrl_c(tmp_path, mysql, oceanbase, tables):
    p = slow(tmp_path, mysql, oceanbase, 1500)
    following = godwit.Following(p)
    following.wait_stage("full", "running")
    asked = start("verify", p.name, "--state-dir", p.state)
    assert p.name in asked.stdout.readline()
    asked.send_signal(signal.SIGINT)
    out, err = asked.communicate(timeout=60)
    assert asked.returncode == 130, err
    assert f"godwit verify {p.name}" in out
    assert following.process.poll() is None
    following.kill()


def test_verify_and_a_paused_project(followed):
    p, following = followed
    assert p.other("project", "pause", p.name).returncode == 0
    godwit.wait(lambda: p.show().get("state") == "paused", 60, "the pause", following.process)
    refused = verify(p)
    assert refused.code == 1 and "PROJECT_PAUSED" in refused.err, refused
    assert p.other("project", "resume", p.name).returncode == 0
    godwit.wait(lambda: p.show().get("state") == "running", 60, "the resume", following.process)
    following.wait_stage("verification", "done")
    assert verify(p).code == 0


def test_a_paused_project_writes_nothing(mysql, oceanbase, followed):
    p, following = followed
    assert p.other("project", "pause", p.name).returncode == 0
    godwit.wait(lambda: p.show().get("state") == "paused", 60, "the pause", following.process)
    mysql.run(f"INSERT INTO {DATABASE}.a VALUES (4711, 1);\n")
    arrived = lambda: oceanbase.query(f"SELECT id FROM {DATABASE}.a WHERE id = 4711")
    for _ in range(10):  # as many looks at it as a program that is not paused needs to be done
        assert p.show()["state"] == "paused" and not arrived()
    assert p.other("project", "resume", p.name).returncode == 0
    godwit.wait(arrived, 60, "the row", following.process)
    assert following.stop().code == 130


@pytest.mark.full
def test_the_store_keeps_what_it_is_told_to(tmp_path, mysql, oceanbase, tables):
    """By size: the oldest changes go, and it is shown since when there are any."""
    p = project(tmp_path, mysql, oceanbase,
                options=godwit.config(tmp_path / "p.toml", "[limits]\nstore_bytes = 20000000\n"))
    mysql.run(f"CREATE TABLE {DATABASE}.wide (id INT PRIMARY KEY, v LONGBLOB);\n")
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    flow = lambda: p.show()["flow"]
    mysql.query(f"INSERT INTO {DATABASE}.wide VALUES (-1, 'first')")
    godwit.wait(lambda: flow()["store_first_time_us"], 60, "the first change", following.process)
    begun = flow()["store_first_time_us"]
    for n in range(100):
        mysql.query(f"INSERT INTO {DATABASE}.wide VALUES (%s, %s)", n, os.urandom(1_000_000))
    # None at all, where all of them have gone.
    godwit.wait(lambda: flow()["applied"] == flow()["log_last"] and flow()["store_first_time_us"] != begun, 60,
                "the oldest changes to go", following.process)
    godwit.wait(lambda: flow()["store_bytes"] < 70_000_000, 60, "the store to shrink", following.process)
    assert following.stop().code == 130
    assert len(dump(p)) < 100
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_verify_takes_no_words_against_the_project(followed):
    p, _ = followed
    done = p.other("verify", p.name, "--objects", "other.*", "--json")
    assert done.returncode == 2 and "FLAGS_CONTRADICT" in done.stderr, done.stderr
    assert not done.stdout


# --- store dump ---


def dump(p, *words):
    done = p.other("store", "dump", p.name, *words, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_store_dump_beside_and_after(mysql, followed):
    p, following = followed
    mysql.run(f"INSERT INTO {DATABASE}.a VALUES (10, 100);\n"
              f"UPDATE {DATABASE}.b SET v = 5 WHERE id = 1;\n"
              f"DELETE FROM {DATABASE}.a WHERE id = 10;\n")
    wait_changes(p, 3)
    beside = dump(p)
    rows = [(line["kind"], line["table"]) for line in beside if line["kind"] in
            ("insert", "update", "delete")]
    assert rows == [("insert", f"{DATABASE}.a"), ("update", f"{DATABASE}.b"),
                    ("delete", f"{DATABASE}.a")], beside
    update = next(line for line in beside if line["kind"] == "update")
    assert update["before"]["v"] == "1" and update["after"]["v"] == "5", update
    only = dump(p, "--table", f"{DATABASE}.b")
    assert [line["kind"] for line in only] == ["transaction", "update"], only
    assert not dump(p, "--to", "2020-01-01")
    # Between two transactions, to the second.
    moment = lambda: mysql.query("SELECT UTC_TIMESTAMP()")[0][0]
    first = moment()
    godwit.wait(lambda: moment() > first, 10, "the next second")
    border = moment()
    mysql.run(f"INSERT INTO {DATABASE}.b VALUES (77, 77);\n")
    wait_changes(p, 4)
    assert dump(p, "--to", str(border)) == beside
    [transaction, insert] = dump(p, "--from", str(border))
    assert (transaction["kind"], insert["after"]["id"]) == ("transaction", "77")
    beside = dump(p)
    assert len(beside) > 2
    assert dump(p, "--from", "2020-01-01 12:00") == beside
    assert not dump(p, "--from", "2200-01-01")
    assert following.process.poll() is None
    assert following.stop().code == 130
    assert dump(p) == beside


def test_store_dump_into_a_pipe_that_closes(mysql, followed):
    p, _ = followed
    values = ", ".join(f"({n}, {n})" for n in range(100, 4000))
    mysql.run(f"INSERT INTO {DATABASE}.a VALUES {values};\n")
    wait_changes(p, 3900)
    words = f"'{godwit.PROGRAM}' store dump {p.name} --state-dir '{p.state}' | head -1"
    done = subprocess.run(words, shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60)
    assert done.stdout.startswith("transaction") and not done.stderr, done.stderr


def test_store_dump_says_what_is_wrong(tmp_path, mysql, oceanbase, tables):
    p = project(tmp_path, mysql, oceanbase, options=["--types", "schema,full"])
    assert p.migrate().code == 0
    done = p.other("store", "dump", p.name, "--from", "yesterday")
    assert done.returncode == 2 and "TIME_INVALID" in done.stderr, done.stderr
    assert p.other("store", "dump", "nobody").returncode == 2


# --- what is blocked ---


def test_blocked_statement_skipped_while_it_runs(mysql, oceanbase, followed):
    p, following = followed
    following.stop()
    following = godwit.Following(p, "--blocked-timeout", "120")
    following.wait_stage("verification", "done")
    oceanbase.run(f"ALTER TABLE {DATABASE}.a ADD COLUMN w INT;\n")  # the same statement will clash
    mysql.run(f"ALTER TABLE {DATABASE}.a ADD COLUMN w INT;\n"
              f"INSERT INTO {DATABASE}.a VALUES (8, 8, 8);\n")
    godwit.wait(lambda: p.show().get("blocked"), 60, "the statement to block", following.process)
    item = p.show()["blocked"][0]
    shown = p.other("project", "show", p.name).stdout
    assert "ADD COLUMN" in shown and f"resolve {p.name}" in shown, shown
    # Tried again, it blocks again under a new number.
    p.resolve(item["item"], "--retry")
    godwit.wait(lambda: [i for i in p.show().get("blocked", []) if i["item"] != item["item"]], 60,
                "it to block again", following.process)
    again = p.show()["blocked"][0]["item"]
    p.resolve(again, "--skip")
    godwit.wait(lambda: oceanbase.query(f"SELECT w FROM {DATABASE}.a WHERE id = 8") == ((8,),), 60,
                "the changes behind it", following.process)
    assert p.other("project", "resolve", p.name, again, "--skip").returncode == 2
    assert verify(p).code == 0
    assert following.stop().code == 130


def test_blocked_statement_edited(tmp_path, mysql, oceanbase, tables):
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    oceanbase.run(f"ALTER TABLE {DATABASE}.b ADD COLUMN w BIGINT;\n")
    mysql.run(f"ALTER TABLE {DATABASE}.b ADD COLUMN w INT;\nUPDATE {DATABASE}.b SET w = id;\n")
    run = p.migrate()
    assert run.code == 5 and run.summary["status"] == "blocked", run
    assert any(event["event"] == "blocked" for event in run.events)
    item = p.show()["blocked"][0]["item"]
    empty = tmp_path / "empty.sql"
    empty.write_text("\n;\n")
    assert p.other("project", "resolve", p.name, item, "--edit", empty).returncode == 2
    edited = tmp_path / "edited.sql"
    edited.write_text(f"ALTER TABLE {DATABASE}.b MODIFY COLUMN w INT;\n")
    p.resolve(item, "--edit", edited)
    assert p.migrate().code == 0
    assert not compare.servers(mysql, oceanbase, DATABASE)


@pytest.mark.parametrize("choice", ["--edit", "--skip", "--done"])
def test_blocked_object(tmp_path, mysql, oceanbase, tables, choice):
    """A view over a function that the destination does not know."""
    mysql.run(f"CREATE FUNCTION {DATABASE}.twice (n INT) RETURNS INT DETERMINISTIC RETURN n * 2;\n"
              f"CREATE VIEW {DATABASE}.doubled AS SELECT id, {DATABASE}.twice(v) AS v2 FROM "
              f"{DATABASE}.a;\n")
    p = project(tmp_path, mysql, oceanbase)
    run = p.migrate()
    assert run.code == 5 and run.summary["status"] == "blocked", run
    item = p.show()["blocked"][0]
    assert item["object"] == f"{DATABASE}.doubled", item
    ddl = p.other("project", "ddl", p.name, f"{DATABASE}.doubled")
    assert ddl.returncode == 0 and "twice" in ddl.stdout and "error" in ddl.stdout, ddl.stdout
    view = f"CREATE VIEW {DATABASE}.doubled AS SELECT id, v * 2 AS v2 FROM {DATABASE}.a"
    words = [choice]
    if choice == "--edit":
        (tmp_path / "view.sql").write_text(view + ";\n")
        words.append(tmp_path / "view.sql")
    p.resolve(f"{DATABASE}.doubled", *words)
    run = p.migrate()
    assert run.code == 0 and run.summary["rows"] == 5, run
    views = oceanbase.query("SELECT table_name FROM information_schema.views "
                            "WHERE table_schema = %s", DATABASE)
    assert views == ((("doubled",),) if choice == "--edit" else ()), views
    if choice == "--edit":
        rows = oceanbase.query(f"SELECT v2 FROM {DATABASE}.doubled ORDER BY id")
        assert rows == ((2,), (4,), (6,))


def test_an_object_that_fails_keeps_no_other_back(tmp_path, mysql, oceanbase, tables):
    """Tables are made in the order of their names, views behind them."""
    mysql.run(f"CREATE TABLE {DATABASE}.aa (k BLOB NOT NULL, PRIMARY KEY (k(10)));\n"
              f"CREATE VIEW {DATABASE}.seen AS SELECT id FROM {DATABASE}.b;\n")
    p = project(tmp_path, mysql, oceanbase, options=["--skip-check", "conversion"])
    run = p.migrate()
    assert [event["object"] for event in run.events if event["event"] == "blocked"] == [f"{DATABASE}.aa"], run
    there = oceanbase.query("SELECT table_name FROM information_schema.tables WHERE table_schema = %s "
                            "ORDER BY table_name", DATABASE)
    assert (run.code, there) == (5, (("a",), ("b",), ("seen",))), run


def test_choices_exclude_each_other(followed):
    p, _ = followed
    assert p.other("project", "resolve", p.name, "1", "--retry", "--skip").returncode == 2
    assert p.other("project", "resolve", p.name, "1").returncode == 2
    assert p.other("project", "resolve", p.name, "999", "--retry").returncode == 2


# --- projects ---


def test_project_commands_beside_and_after(followed):
    p, following = followed
    listed = p.other("project", "list", "--json")
    assert [json.loads(line)["name"] for line in listed.stdout.splitlines()] == [p.name]
    shown = p.show()
    assert shown["process"] == following.process.pid and shown["state"] == "running", shown
    assert {s["stage"]: s["status"] for s in shown["stages"]}["full"] == "done"
    ddl = p.other("project", "ddl", p.name)
    assert "CREATE TABLE" in ddl.stdout and f"{DATABASE}.a" in ddl.stdout
    assert p.other("project", "ddl", p.name, "no.such").returncode == 2
    following.process.send_signal(signal.SIGTERM)
    out, err = following.process.communicate(timeout=60)
    assert following.process.returncode == 143, err
    assert json.loads(out.splitlines()[-1])["status"] == "interrupted"
    assert f"godwit project resume {p.name} --state-dir" in err, err
    assert p.show()["state"] == "interrupted"
    resumed = p.other("project", "resume", p.name, "--stop-when-caught-up", "--json", timeout=300)
    assert resumed.returncode == 0, resumed.stderr
    released = p.other("project", "release", p.name)
    assert released.returncode == 0, released.stderr
    assert p.other("project", "show", p.name).returncode == 2


def test_release_of_a_running_project(oceanbase, followed):
    p, following = followed
    assert p.other("project", "release", p.name).returncode == 0
    out, err = following.process.communicate(timeout=60)
    assert following.process.returncode == 1 and "PROJECT_RELEASED" in err, err
    assert json.loads(out.splitlines()[-1])["status"] == "interrupted"
    assert oceanbase.query(f"SELECT COUNT(*) FROM {DATABASE}.a") == ((3,),)


def test_figures_of_all_runs(mysql, followed):
    """Rows and changes of the summary are those of the project, also after a kill."""
    p, following = followed
    mysql.run(f"INSERT INTO {DATABASE}.a VALUES (20, 1), (21, 1);\n"
              f"DELETE FROM {DATABASE}.b WHERE id = 2;\n")
    wait_changes(p, 3)
    following.kill()
    following = godwit.Following(p)
    godwit.wait(lambda: p.show()["flow"]["replaying"] and p.stage("verification") == "done", 60,
                "the next run to catch up", following.process)
    run = following.stop()
    assert (run.summary["tables"], run.summary["rows"], run.summary["changes"]) == (2, 5, 3), run
    mysql.run(f"UPDATE {DATABASE}.a SET v = 9;\n")
    assert p.migrate().summary["changes"] == 8
    alone = verify(p)
    assert (alone.summary["rows"], alone.summary["changes"]) == (5, 8), alone
    assert kinds(p) == {"a": (2, 5, 0), "b": (0, 0, 1)}
    shown = p.other("project", "show", p.name).stdout
    assert f"{DATABASE}.a" in shown.split("replayed")[-1], shown


def kinds(p):
    """Inserts, updates and deletes replayed by table."""
    return {row["table"].removeprefix(f"{DATABASE}."):
            (row["inserts"], row["updates"], row["deletes"]) for row in p.show()["changes"]}


def test_changes_by_table_and_kind_over_a_kill(mysql, followed):
    """Rolled back changes do not count, one killed run neither loses any nor counts any twice, and what
    runs shows its link."""
    p, following = followed
    mysql.run(f"INSERT INTO {DATABASE}.a VALUES (30, 1), (31, 1);\nUPDATE {DATABASE}.a SET v = v + 1;\n"
              f"SET autocommit = 0;\nDELETE FROM {DATABASE}.b;\nROLLBACK;\nSET autocommit = 1;\n"
              f"DELETE FROM {DATABASE}.b WHERE id = 1;\n")
    expected = {"a": (2, 5, 0), "b": (0, 0, 1)}
    godwit.wait(lambda: kinds(p) == expected, 30, "counts while it runs", following.process)
    flow = p.show()["flow"]
    assert flow["source_time_us"] > 0 and flow["latency_us"] >= 0, flow
    moved = []

    def is_moving():
        mysql.run(f"UPDATE {DATABASE}.a SET v = v + 1 WHERE id = 1;\n")
        moved.append(1)
        now = p.show()["flow"]
        return all(now[word] > 0 for word in ("captured_bytes_per_second", "replayed_rows_per_second",
                                              "replayed_bytes_per_second"))

    godwit.wait(is_moving, 60, "speed of the link", following.process)
    text = p.other("project", "show", p.name).stdout
    assert "rows/s, latency" in text and "source at 20" in text, text
    wait_changes(p, 8 + len(moved))
    mysql.run(f"INSERT INTO {DATABASE}.b VALUES (40, 1);\n")
    wait_changes(p, 9 + len(moved))
    following.kill()
    expected = {"a": (2, 5 + len(moved), 0), "b": (1, 0, 1)}
    run = p.migrate()
    assert run.code == 0 and kinds(p) == expected, kinds(p)
    assert run.summary["changes"] == 9 + len(moved), run


def test_derived_name_is_printed_and_goes_on(tmp_path, mysql, oceanbase, tables):
    words = ["migrate", "--source", mysql.url, "--destination", oceanbase.url, "--objects",
             f"{DATABASE}.*", "--state-dir", tmp_path / "state", "--stop-when-caught-up", "--yes"]
    first = command(*words, timeout=300)
    assert first.returncode == 0, first.stderr
    name = first.stdout.split()[1].rstrip(":")
    assert name.startswith(f"{DATABASE}-"), first.stdout
    again = command(*words, "--json", timeout=300)
    assert json.loads(again.stdout.splitlines()[0])["name"] == name
    other = command(*words, "--types", "schema", "--name", name, "--json")
    assert other.returncode == 2 and "PROJECT_CONFLICT" in other.stderr, other.stderr
    assert not other.stdout  # wrong usage has no summary


# --- bad words ---


@pytest.mark.parametrize("words, code", [
    (("migrate", "--source", "db2i://r@h", "--destination", NOBODY, "--objects", "a.*"),
     "URL_SCHEME_UNKNOWN"),
    (("migrate", "--source", "@nobody", "--destination", NOBODY, "--objects", "a.*"),
     "DATA_SOURCE_UNKNOWN"),
    (("migrate", "--source", NOBODY + "/?password_env=NOT_SET_AT_ALL", "--destination", NOBODY,
      "--objects", "a.*"), "PASSWORD_UNREADABLE"),
    (("migrate", "--config", "/nonexistent.toml"), "CONFIG_UNREADABLE"),
    (("verify", "nobody"), "PROJECT_UNKNOWN"),
    (("verify",), "FLAGS_MISSING"),
    (("project", "resume", "nobody"), "PROJECT_UNKNOWN"),
    (("project", "pause", "nobody"), "PROJECT_UNKNOWN"),
    (("project", "release", "nobody"), "PROJECT_UNKNOWN"),
    (("datasource", "add", "a/b", NOBODY), "NAME_INVALID"),
    (("datasource", "add", "a", "db2i://h"), "URL_SCHEME_UNKNOWN"),
    (("datasource", "test", "nobody"), "DATA_SOURCE_UNKNOWN"),
    (("project",), ""),
    (("migrate", "--blocked-timeout", "-1"), ""),
])
def test_wrong_usage(tmp_path, words, code):
    done = command(*words, "--json", "--state-dir", tmp_path / "state")
    assert done.returncode == 2, done.stderr
    assert code in done.stderr and done.stderr.strip()
    assert "summary" not in done.stdout
    if code:
        assert "cause:" in done.stderr and "remedy:" in done.stderr


def test_data_sources(tmp_path, mysql, oceanbase, tables):
    state = ["--state-dir", tmp_path / "state"]
    mysql.run("CREATE USER IF NOT EXISTS 'keeper'@'%' IDENTIFIED BY 's3cret/w?rd@1';\n"
              "GRANT ALL ON *.* TO 'keeper'@'%';\n")
    url = f"mysql://keeper:s3cret%2Fw%3Frd%401@127.0.0.1:{mysql.port}"
    added = command("datasource", "add", "shop", url, *state)
    assert added.returncode == 0 and "password on the command line" in added.stderr, added.stderr
    listed = command("datasource", "list", *state)
    assert "shop" in listed.stdout and "s3cret" not in listed.stdout
    tested = command("datasource", "test", "shop", *state)
    assert tested.returncode == 0 and tested.stdout.startswith("mysql"), tested.stderr
    assert command("datasource", "test", NOBODY, *state).returncode == 1
    run = command("migrate", "--source", "@shop", "--destination", oceanbase.url, "--objects",
                  f"{DATABASE}.*", "--stop-when-caught-up", "--yes", *state, timeout=300)
    assert run.returncode == 0, run.stderr
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"s3cret" not in content, path
    mysql.run("DROP USER 'keeper'@'%';\n")
