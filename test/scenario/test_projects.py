# SPDX-License-Identifier: Apache-2.0
"""What is stored of a project: who may change it, whose passwords it keeps, and how it is ended."""
import json
import os
import pty
import signal
import sqlite3
import subprocess
import threading

import pytest

import compare
import godwit

DATABASE = "kept"
OTHER = "kept_other"
SECRET = "s3cret-w0rd"
URL = f"mysql://root:{SECRET}@db1"
NOBODY = "mysql://root@127.0.0.1:1"


@pytest.fixture
def tables(mysql, oceanbase):
    for server in (mysql, oceanbase):
        server.drop(DATABASE, OTHER)
    for database in (DATABASE, OTHER):
        mysql.run(f"CREATE DATABASE {database};\n"
                  f"CREATE TABLE {database}.t (id INT PRIMARY KEY, v INT);\n"
                  f"INSERT INTO {database}.t VALUES (1, 1), (2, 2);\n")


def project(tmp_path, mysql, oceanbase, rule=f"{DATABASE}.*", **more):
    return godwit.Godwit(tmp_path / "state", mysql, oceanbase, rule, **more)


def databases(server):
    return {row[0] for row in server.query("SHOW DATABASES")} & {DATABASE, OTHER}


# --- whose settings a run goes by ---


class Asked:
    """A migration that waits at its terminal for a yes to what precheck warns of."""

    def __init__(self, p):
        self.master, slave = pty.openpty()
        words = [word for word in p.arguments() if word not in ("--yes", "--json")]
        self.process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave,
                                        env={**os.environ, "TERM": "xterm"})
        os.close(slave)
        self.shown = ""
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        try:
            godwit.wait(lambda: "Go on? [y/N]" in self.shown, 120, "the question")
        except AssertionError as error:
            self.end()
            raise AssertionError(self.shown[-3000:]) from error

    def read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # its end
                return
            if not data:
                return
            self.shown += data.decode(errors="replace")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        os.close(self.master)


@pytest.fixture
def asked(tmp_path, mysql, oceanbase, tables):
    mysql.run(f"CREATE TABLE {DATABASE}.keyless (a INT);\n")  # precheck warns of it
    p = project(tmp_path, mysql, oceanbase)
    first = Asked(p)
    yield p, first
    first.end()


def test_a_second_command_changes_nothing_of_what_runs(tmp_path, mysql, oceanbase, asked):
    """Not even before the project has begun: it goes on by the rules that its run began with."""
    p, first = asked
    second = project(tmp_path, mysql, oceanbase, f"{OTHER}.*").migrate()
    assert second.code == 1 and "PROJECT_BUSY" in second.err, second
    os.write(first.master, b"y\n")
    godwit.wait(lambda: p.stage("verification") == "done", 120, "verification")
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait(timeout=120) == 130, first.shown[-3000:]
    mysql.run(f"INSERT INTO {DATABASE}.t VALUES (3, 3);\nINSERT INTO {OTHER}.t VALUES (3, 3);\n")
    resumed = p.other("project", "resume", p.name, "--stop-when-caught-up", "--yes", timeout=300)
    assert resumed.returncode == 0, resumed.stderr
    assert databases(oceanbase) == {DATABASE}
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_settings_change_where_nobody_runs_it(tmp_path, mysql, oceanbase, asked):
    """What has not begun takes other objects, once its process has ended."""
    p, first = asked
    os.write(first.master, b"n\n")
    assert first.process.wait(timeout=120) == 3, first.shown[-3000:]
    run = project(tmp_path, mysql, oceanbase, f"{OTHER}.*").migrate()
    assert run.code == 0, run
    assert databases(oceanbase) == {OTHER}


@pytest.mark.parametrize("flags", [("--stop-when-caught-up",), ("--yes",), ("--blocked-timeout", "0")])
def test_resume_takes_no_flags_for_another_process(tmp_path, mysql, oceanbase, tables, flags):
    p = project(tmp_path, mysql, oceanbase)
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    refused = p.other("project", "resume", p.name, *flags, "--json")
    assert refused.returncode == 2 and "FLAGS_CONTRADICT" in refused.stderr, refused.stderr
    assert not refused.stdout
    told = p.other("project", "resume", p.name, "--json")
    assert told.returncode == 0 and f"process {following.process.pid}" in told.stderr, told.stderr
    assert not told.stdout
    assert following.stop().code == 130


# --- passwords ---


@pytest.mark.parametrize("words, code", [
    (("migrate", "--sorce", URL), ""),
    (("migrate", f"--sorce={URL}"), ""),
    ((URL,), ""),
    (("verify", URL), "PROJECT_UNKNOWN"),
    (("project", "show", URL), "PROJECT_UNKNOWN"),
    (("project", "resume", URL, "--json"), "PROJECT_UNKNOWN"),
    (("project", "release", URL), "PROJECT_UNKNOWN"),
    (("datasource", "add", URL, "shop"), "NAME_INVALID"),
    (("migrate", "--objects", URL), "RULE_INVALID"),
    (("migrate", "--source", NOBODY, "--destination", NOBODY, "--objects", "a.*", "--name", URL),
     "NAME_INVALID"),
])
def test_wrong_usage_shows_no_password(tmp_path, words, code):
    done = subprocess.run([str(w) for w in (godwit.PROGRAM, *words, "--state-dir", tmp_path / "state")],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          text=True, timeout=60)
    assert done.returncode == 2 and code in done.stderr, done.stderr
    assert SECRET not in done.stdout + done.stderr, done.stderr
    assert "root:***@db1" in done.stderr, done.stderr  # it is clear which argument is meant


@pytest.fixture
def watcher(mysql):
    """A URL of a user with a password; the source itself stands for a replica that does not replicate."""
    mysql.run(f"CREATE USER IF NOT EXISTS 'watcher'@'%' IDENTIFIED BY '{SECRET}';\n"
              "GRANT ALL ON *.* TO 'watcher'@'%';\n")
    yield f"mysql://watcher:{SECRET}@127.0.0.1:{mysql.port}"
    mysql.run("DROP USER 'watcher'@'%';\n")


@pytest.mark.parametrize("by_name", [False, True])
def test_replicas_have_passwords(tmp_path, mysql, oceanbase, tables, watcher, by_name):
    """Given in the URL, sealed from then on, or those of a data source."""
    p = project(tmp_path, mysql, oceanbase)

    def watches(replica, seconds):
        p.options = godwit.config(tmp_path / "project.toml", f'replicas = ["{replica}"]\n[limits]\n'
                                  f"replica_lag_seconds = {seconds}\n")

    def is_held():
        shown = p.other("project", "show", p.name).stdout
        assert SECRET not in shown, shown
        return "SOURCE_BUSY" in shown and "does not replicate" in shown

    if by_name:
        assert p.other("datasource", "add", "r1", watcher).returncode == 0
    without_password = watcher.replace(f":{SECRET}", "")
    for replica in ["@r1"] if by_name else [watcher, without_password]:
        watches(replica, 5)
        following = godwit.Following(p)
        godwit.wait(is_held, 60, "the copy to wait for its replica", following.process)
        run = following.stop()
        assert run.code == 130 and SECRET not in run.err, run
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    watches("@nobody", 0)
    run = p.migrate()
    assert run.code == 2 and "DATA_SOURCE_UNKNOWN" in run.err, run
    watches("@r1" if by_name else without_password, 0)
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, DATABASE)


# --- a project that cannot be read ---


def test_a_broken_project_is_listed_and_released(tmp_path, mysql, oceanbase, tables):
    """It hides no other, and its lanes at the destination go with it."""
    broken = project(tmp_path, mysql, oceanbase, name="lostspec")
    whole = project(tmp_path, mysql, oceanbase, f"{OTHER}.*", name="whole")
    assert broken.migrate().code == 0 and whole.migrate().code == 0
    lanes = "SELECT COUNT(*) FROM godwit.godwit_lane WHERE link LIKE 'lostspec-%'"
    assert oceanbase.query(lanes)[0][0] > 0
    database = sqlite3.connect(tmp_path / "state" / "godwit.db")
    with database:
        stored = database.execute("SELECT spec FROM project WHERE name = 'lostspec'").fetchone()[0]
        damaged = json.dumps({**json.loads(stored), "objects": 7})
        database.execute("UPDATE project SET spec = ? WHERE name = 'lostspec'", (damaged,))
    database.close()
    listed = broken.other("project", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    rows = {row["name"]: row for row in map(json.loads, listed.stdout.splitlines())}
    assert rows["lostspec"]["state"] == "broken" and rows["whole"]["state"] == "completed", rows
    assert rows["lostspec"]["cause"]["code"] == "SPEC_CORRUPT", rows
    assert "project release lostspec" in broken.other("project", "list").stdout
    assert "SPEC_CORRUPT" in broken.other("project", "show", broken.name).stderr
    released = broken.other("project", "release", broken.name)
    assert released.returncode == 0, released.stderr
    assert oceanbase.query(lanes)[0][0] == 0
    left = whole.other("project", "list", "--json").stdout.splitlines()
    assert [json.loads(line)["name"] for line in left] == ["whole"], left
    assert not compare.servers(mysql, oceanbase, DATABASE)  # what was migrated stays
