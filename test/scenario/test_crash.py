# SPDX-License-Identifier: Apache-2.0
"""The crash sweep: at every named durable transition the program kills itself, is started again, and
both sides must come out equal; and random kills of the program and of both servers under load."""
import os
import random
import signal
import subprocess
import time

import pytest

import alterations
import compare
import definitions
import godwit
import load
import proxy

POINTS = subprocess.run([godwit.PROGRAM, "--crash-points"], stdout=subprocess.PIPE, text=True,
                        check=False).stdout.split() if godwit.PROGRAM.exists() else []
# "name:n" is the n-th time that a run comes by. Of the DDL below the second is the TRUNCATE.
TRUNCATE = "ddl-after-run-before-confirm:2"
LATER = ["schema-before-object:3", "schema-after-object-before-journal:3", "capture-before-append:20",
         "capture-after-append:20", "capture-after-ddl-append:2", "full-before-chunk-commit:4",
         "full-after-chunk-commit-before-journal:4", "full-after-chunk-journal:4",
         "full-after-chunk-planned:4", "full-after-exit-point:2", "replay-before-commit:20", "replay-after-commit:20",
         "ddl-after-intent:2", TRUNCATE, "ddl-after-confirm:2", "ddl-after-run-before-confirm:3",
         "indexes-after-create-before-journal:2", "stage-before-done:3", "stage-after-done:3"]
# The quick tier takes an eighth of them, another one every day.
SHARE = time.gmtime().tm_yday % 8

CHANGES = """
ALTER TABLE t0 ADD COLUMN extra INT DEFAULT 3;
UPDATE t0 SET extra = 4 WHERE id < 500;
TRUNCATE TABLE t1;
INSERT INTO t1 (id) VALUES (1), (2), (3);
CREATE TABLE late (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO late VALUES (1, 'one'), (2, 'two');
"""
# On every table, so on the one being copied too.
CHANGES_UNDER_COPY = "".join(f"ALTER TABLE t{n} ADD COLUMN early INT DEFAULT 1;\n" for n in range(5))
LIMITS = "defer_indexes = true\n[limits]\nchunk_bytes = 20000\n"
SLOW = LIMITS + "rows_per_second = 100\n"
SMALL_STORE = LIMITS + "store_bytes = 1\n"
# In a project's first run the precheck comes by first.
BEHIND_SCHEMA = "stage-after-done:2"
# Points that only a run comes by which goes on from another death; and what the source does in between.
EARLIER = {"full-after-emptied": ("full-after-snapshot-commit", ""),
           "schema-after-reopening": (BEHIND_SCHEMA, "CREATE VIEW seen AS SELECT id FROM t0;\n")}
DATABASE = "crash"


def points(tier):
    every = POINTS + LATER
    if tier != "quick":
        return every
    return [TRUNCATE] + [p for n, p in enumerate(every) if n % 8 == SHARE and p != TRUNCATE]


def few(chosen, count, turn):
    """Some of them, others at each turn, so that in the end each has been among them."""
    return [chosen[(turn + i * len(chosen) // count) % len(chosen)] for i in range(count)]


def test_crash_sweep(tmp_path, source, oceanbase, tier, record_property):
    chosen = points(tier)
    assert POINTS, "the program names no crash points"
    if tier == "quick" and source.name != "mysql97":
        chosen = [TRUNCATE, *few(chosen[1:], 2, time.gmtime().tm_yday // 8)]
    missed = [point for number, point in enumerate(chosen)
              if not crash_at(tmp_path / point.replace(":", "-"), source, oceanbase, point, number)]
    record_property("points", f"{len(chosen) - len(missed)} of {len(POINTS) + len(LATER)} crash points met")
    assert not missed, f"never reached: {missed}"


def equal(project, source, oceanbase, point):
    run = project.migrate()
    assert run.code == 0, f"{point}: {run}"
    found = compare.servers(source, oceanbase, DATABASE)
    assert not found, f"{point}: {found[:10]}"


def killed_itself(process):
    assert process.returncode == -signal.SIGKILL, "\n".join(process.communicate())[-3000:]
    return True


def crash_at(state, source, oceanbase, point, seed):
    """True if the program met the point and died there."""
    is_again = point.startswith("full-again")
    oceanbase.drop(DATABASE)
    tables = load.prepare(source, DATABASE, 1000 + seed, 5, rows=2000)
    for name, crash in (("project", crash_in_making), ("full-after-lost", crash_with_a_lost_table),
                        ("full-after-row-left-out", crash_in_leaving_out)):
        if point.startswith(name):
            return crash(state, source, oceanbase, point)
    limits = SLOW if is_again else SMALL_STORE if point.startswith("store") else LIMITS
    project = godwit.Godwit(state, source, oceanbase, f"{DATABASE}.*",
                            options=godwit.config(state / "p.toml", limits))
    if point in EARLIER:
        earlier, meanwhile = EARLIER[point]
        assert dies(project, earlier)
        source.run(meanwhile, DATABASE)
    if point.startswith("capture-after-reset"):
        return crash_in_starting_again(project, source, oceanbase, point)
    following = godwit.Following(project, environment={"GODWIT_CRASH_POINT": point})
    died = False
    if is_again:
        following.wait_stage("full", "running")
        source.run(CHANGES_UNDER_COPY, DATABASE)
    client = load.Load(source, DATABASE, tables[2:], seed)
    client.start()
    try:
        died = follow_until_death(project, following, source, is_again)
    finally:
        following.kill()
        client.stop()
    if not died and point.startswith(("verification", "stage")):
        # reached only by a run that comes to its end
        end = project.start("--stop-when-caught-up", environment={"GODWIT_CRASH_POINT": point})
        end.communicate(timeout=120)
        died = end.returncode == -signal.SIGKILL
    if point.startswith("correction"):
        assert project.migrate().code == 0
        died = crash_in_correction(project, oceanbase, DATABASE, point)
    if point.startswith("answer"):
        assert project.migrate().code == 0
        died = crash_in_answer(project, source, oceanbase, point)
    equal(project, source, oceanbase, point)
    if point.startswith("schema-after-reopening"):
        assert oceanbase.query(f"SELECT id FROM {DATABASE}.seen")
    if point.startswith("release"):
        died = crash_in_release(project, point)
    return died


def dies(project, point):
    return project.migrate(environment={"GODWIT_CRASH_POINT": point}).code == -signal.SIGKILL


def follow_until_death(project, following, source, is_changed):
    """False if it has come to follow changes without meeting the point."""
    settled = None  # when there was nothing left to come by but changes
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if following.process.poll() is not None:
            died = killed_itself(following.process)
            if not is_changed:
                source.run(CHANGES, DATABASE)
            return died
        if not is_changed and project.stage("incremental") == "running":
            source.run(CHANGES, DATABASE)
            is_changed = True
        if settled is None and is_changed and project.stage("verification") == "done":
            settled = time.monotonic()
        if settled is not None and time.monotonic() > settled + 10:
            return False
        time.sleep(0.1)  # the interval of asking
    raise AssertionError("neither died nor came to follow changes")


# The first commit is that of the change that waited for the user, which goes alone.
@pytest.mark.parametrize("point", ["replay-after-commit:2", "replay-after-commit:4",
                                   "replay-before-commit:3"])
def test_crash_within_a_merged_window(tmp_path, mysql, oceanbase, point):
    """Shares of a window that are in the destination are not written a second time."""
    oceanbase.drop(DATABASE)
    tables = load.prepare(mysql, DATABASE, 77, 5, rows=500)
    project = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*", options=["--merge"])
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    assert following.stop().code == 130
    backlog = load.Load(mysql, DATABASE, tables, 78, transactions=3000, ids=300)
    backlog.run()
    assert backlog.error is None
    # Replay waits for the user, so that the whole backlog is in the Log when it begins.
    oceanbase.run("RENAME TABLE t0 TO t0_away;\n", DATABASE)
    waiting = project.start("--blocked-timeout", "60",
                            environment={"GODWIT_CRASH_POINT": "capture-after-append:1500"})
    waiting.communicate(timeout=120)
    assert killed_itself(waiting)
    oceanbase.run("RENAME TABLE t0_away TO t0;\n", DATABASE)
    shares = lambda: oceanbase.query("SELECT COUNT(*) FROM godwit.godwit_lane WHERE progress LIKE "
                                     "'%shares=%'")[0][0]
    before = shares()
    crashed = project.start(environment={"GODWIT_CRASH_POINT": point})
    crashed.communicate(timeout=120)
    assert killed_itself(crashed)
    if point.startswith("replay-after"):
        assert shares() > before, "nothing was merged"
    equal(project, mysql, oceanbase, point)


def crash_in_making(state, source, oceanbase, point):
    """The same words once more seal the password that was not sealed yet: then it need not be said again."""
    # MySQL 5.6 comes with a nameless account of this host that goes before those of any host.
    accounts = [f"'sweeper'@'{host}'" for host in ("%%", "localhost")]
    for account in accounts:
        source.query(f"CREATE USER {account} IDENTIFIED BY %s", "a word")
        source.query(f"GRANT ALL ON *.* TO {account}".replace("%%", "%"))
    try:
        url = source.url.replace("root@", "sweeper:a%20word@")
        project = godwit.Godwit(state, godwit.Server(source.name, url), oceanbase, f"{DATABASE}.*")
        if point.startswith("project-after-spec"):
            assert project.migrate().code == 0
            project.options = ["--merge"]
        died = dies(project, point)
        equal(project, source, oceanbase, point)
        again = project.other("migrate", "--name", project.name, "--stop-when-caught-up", "--yes")
        assert again.returncode == 0, f"{point}: {again.stderr}"
    finally:
        for account in accounts:
            source.query(f"DROP USER {account}".replace("%%", "%"))
    return died


def crash_with_a_lost_table(state, source, oceanbase, point):
    """One that the source drops between the schema stage and its copy, where no log tells of it."""
    project = godwit.Godwit(state, source, oceanbase, f"{DATABASE}.*",
                            options=["--types", "schema,full,verification"])
    assert dies(project, BEHIND_SCHEMA)
    source.run("DROP TABLE t1;\n", DATABASE)
    died = dies(project, point)
    equal(project, source, oceanbase, point)
    return died


def crash_in_leaving_out(state, source, oceanbase, point):
    """A row that the user has skipped is left out once."""
    source.run("CREATE TABLE wide (id INT PRIMARY KEY, v VARCHAR(20));\n"
               "INSERT INTO wide VALUES (1, 'short'), (2, 'much too long');\n", DATABASE)
    oceanbase.run(f"CREATE DATABASE {DATABASE};\n"
                  f"CREATE TABLE {DATABASE}.wide (id INT PRIMARY KEY, v VARCHAR(5));\n")
    project = godwit.Godwit(state, source, oceanbase, f"{DATABASE}.wide", options=["--types", "full,incremental"])
    assert project.migrate().code == 5
    project.resolve(project.show()["blocked"][0], "--skip")
    assert dies(project, "answer-after-taken")  # which is not to be asked for again
    died = dies(project, point)
    run = project.migrate()
    assert run.code == 0 and run.summary["left_out"] == 1, f"{point}: {run}"
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.wide") == ((1, "short"),)
    return died


class DefinitionsChange:
    """A table changes between the start point, at whose end the lock is given back, and the reading of its
    definition; a few times, since precheck tries that lock too."""

    def __init__(self, source):
        self.source, self.is_due, self.changes = source, False, 0

    def __call__(self, statement):
        if statement == b"UNLOCK TABLES":
            self.is_due = True
        elif statement.startswith(b"SHOW CREATE TABLE") and self.is_due and self.changes < 5:
            self.is_due = False
            self.changes += 1
            self.source.run(f"ALTER TABLE t0 COMMENT '{self.changes}';\n", DATABASE)
        return False  # nothing is to break


def crash_in_starting_again(project, source, oceanbase, point):
    """Capture begins again when definitions have changed while they were read."""
    with proxy.Proxy(source) as between:
        between.add(proxy.Fault("none", DefinitionsChange(source)))
        project.source = between.as_server()
        died = dies(project, point)
        equal(project, source, oceanbase, point)
    return died


def crash_in_answer(project, source, oceanbase, point):
    """A statement that the destination refuses is done there by hand, and so answered."""
    oceanbase.run("ALTER TABLE t0 ADD COLUMN again BIGINT;\n", DATABASE)
    source.run("ALTER TABLE t0 ADD COLUMN again BIGINT DEFAULT NULL COMMENT 'a';\nUPDATE t0 SET again = 1;\n", DATABASE)
    oceanbase.run("ALTER TABLE t0 MODIFY COLUMN again BIGINT DEFAULT NULL COMMENT 'b';\n", DATABASE)
    assert project.migrate().code == 5
    project.resolve(project.show()["blocked"][0]["item"], "--done")
    end = project.start("--stop-when-caught-up", environment={"GODWIT_CRASH_POINT": point})
    end.communicate(timeout=120)
    return end.returncode == -signal.SIGKILL


def crash_in_release(project, point):
    words = ("project", "release", project.name)
    links = lambda: project.destination.query("SELECT COUNT(DISTINCT link) FROM godwit.godwit_lane")[0][0]
    before = links()
    crashed = project.other(*words, environment={"GODWIT_CRASH_POINT": point})
    done = project.other(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.name not in project.other("project", "list").stdout
    assert links() == before - 1
    return crashed.returncode == -signal.SIGKILL


def crash_in_correction(project, oceanbase, database, point):
    damage(oceanbase, database)
    words = ("verify", project.name, "--correct")
    crashed = project.other(*words, environment={"GODWIT_CRASH_POINT": point})
    done = project.other(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return crashed.returncode == -signal.SIGKILL


def damage(oceanbase, database):
    oceanbase.run(f"DELETE FROM `{database}`.t0 LIMIT 3;\n")


def restart(name, kill):
    from pathlib import Path
    root = Path(godwit.ROOT)
    python = os.environ.get("GODWIT_PYTHON", "python3")
    for action in (["kill"] if kill else []) + ["start"]:
        subprocess.run([python, root / "testbed" / "testbed.py", action, name], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def under_kills(tmp_path, mysql, oceanbase, seconds, seed, record_property, is_altered=False):
    """`is_altered`: tables are altered too, and the source, whose clients that would end, is not killed."""
    print(f"seed {seed}")
    choose = random.Random(seed)
    options = choose.choice([(), ("--merge",)])
    database = "killed"
    oceanbase.drop(database)
    tables = load.prepare(mysql, database, seed, 6)
    # 1412: a table's definition changed under a transaction
    clients = [load.Load(mysql, database, tables, seed + n, tolerated=[1412]) for n in range(2)]
    altering = alterations.Alterations(mysql, database, tables, seed, pause=1) if is_altered else None
    may_die = ["godwit", "godwit", "oceanbase", *([] if is_altered else ["mysql-9.7"])]
    project = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{database}.*", options=options)
    for client in [*clients, *([altering] if altering else [])]:
        client.start()
    kills, victims = 0, []
    end = time.monotonic() + seconds
    following = godwit.Following(project)
    try:
        while time.monotonic() < end:
            wake = time.monotonic() + choose.uniform(1, 8)
            godwit.wait(lambda: time.monotonic() > wake or following.process.poll() is not None, 60,
                        "the next kill")
            victims = victims or choose.sample(may_die, len(may_die))
            victim = victims.pop()
            if following.process.poll() is not None:
                raise AssertionError(following.process.communicate())
            if victim == "godwit":
                following.kill()
                following = godwit.Following(project)
            else:
                restart(victim, kill=True)
            kills += 1
    finally:
        following.kill()
        load.stop_all(clients)
        if altering:
            altering.stop()
    run = project.migrate(timeout=600)
    assert run.code == 0, f"seed {seed}: {run}"
    record_property("size", " ".join((f"seed {seed}, {kills} kills, {load.size(tables, clients, run)}", *options)))
    found = compare.servers(mysql, oceanbase, database)
    assert not found, f"seed {seed}: {found[:10]}"
    if altering:
        assert len(altering.statements) > seconds / 4
        assert not definitions.differences(mysql, oceanbase, database, True), f"seed {seed}"
    assert kills >= 4, "not each of them was killed"
    assert sum(client.transactions for client in clients) > 100


def test_random_kills(tmp_path, mysql, oceanbase, record_property):
    """Whole or merged, by the seed."""
    seed = int(os.environ.get("GODWIT_SEED", time.time_ns() % 1_000_000))
    under_kills(tmp_path, mysql, oceanbase, 120, seed, record_property)


@pytest.mark.full
def test_random_kills_under_alterations(tmp_path, mysql, oceanbase, record_property):
    seed = int(os.environ.get("GODWIT_SEED", time.time_ns() % 1_000_000))
    under_kills(tmp_path, mysql, oceanbase, 120, seed, record_property, is_altered=True)


@pytest.mark.soak
@pytest.mark.parametrize("is_altered", [False, True], ids=["", "altered"])
def test_soak(tmp_path, mysql, oceanbase, request, record_property, is_altered):
    seed = int(os.environ.get("GODWIT_SEED", time.time_ns() % 1_000_000))
    seconds = 60 * float(request.config.getoption("--minutes"))
    under_kills(tmp_path, mysql, oceanbase, seconds, seed, record_property, is_altered)
