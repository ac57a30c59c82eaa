# SPDX-License-Identifier: Apache-2.0
"""The crash sweep: at every named durable transition the program kills itself, is started again, and
both sides must come out equal; and random kills of the program and of both servers under load."""
import os
import random
import signal
import subprocess
import time

import pytest

import compare
import godwit
import load

POINTS = subprocess.run([godwit.PROGRAM, "--crash-points"], stdout=subprocess.PIPE, text=True,
                        check=False).stdout.split() if godwit.PROGRAM.exists() else []
# The quick tier takes a third of them, another third every day.
THIRD = time.gmtime().tm_yday % 3

CHANGES = """
ALTER TABLE t0 ADD COLUMN extra INT DEFAULT 3;
UPDATE t0 SET extra = 4 WHERE id < 500;
TRUNCATE TABLE t1;
INSERT INTO t1 (id) VALUES (1), (2), (3);
CREATE TABLE late (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO late VALUES (1, 'one'), (2, 'two');
"""


def points(tier):
    return [p for n, p in enumerate(POINTS) if tier != "quick" or n % 3 == THIRD]


def test_crash_sweep(tmp_path, mysql, oceanbase, tier):
    chosen = points(tier)
    assert chosen, "the program names no crash points"
    missed = []
    for number, point in enumerate(chosen):
        if not crash_at(tmp_path / point, mysql, oceanbase, point, number):
            missed.append(point)
    print(f"{len(chosen) - len(missed)} of {len(POINTS)} crash points met")
    assert not missed, f"never reached: {missed}"


def crash_at(state, mysql, oceanbase, point, seed):
    """True if the program met the point and died there."""
    database = "crash"
    oceanbase.drop(database)
    tables = load.prepare(mysql, database, 1000 + seed, 4, rows=400)
    project = godwit.Godwit(state, mysql, oceanbase, f"{database}.*",
                            options=godwit.config(state / "p.toml", "defer_indexes = true\n"))
    following = godwit.Following(project, environment={"GODWIT_CRASH_POINT": point})
    client = load.Load(mysql, database, tables[2:], seed)
    client.start()
    died = False
    changed = False
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            if following.process.poll() is not None:
                died = following.process.returncode == -signal.SIGKILL
                assert died, "\n".join(following.process.communicate())[-3000:]
                break
            status = project.stage("incremental")
            if status == "running" and not changed:
                mysql.run(CHANGES, database)
                changed = True
            if changed and project.stage("verification") == "done" and died is False and \
                    time.monotonic() > deadline - 40:
                break
            time.sleep(0.1)  # the interval of asking
    finally:
        following.kill()
        client.stop()
    if not changed:
        mysql.run(CHANGES, database)
    if not died and point.startswith(("verification", "stage")):
        # reached only by a run that comes to its end
        end = project.start("--stop-when-caught-up", environment={"GODWIT_CRASH_POINT": point})
        end.communicate(timeout=120)
        died = end.returncode == -signal.SIGKILL
    run = project.migrate()
    assert run.code == 0, f"{point}: {run}"
    if point.startswith("correction"):
        died = crash_in_correction(project, oceanbase, database, point)
    found = compare.servers(mysql, oceanbase, database)
    assert not found, f"{point}: {found[:10]}"
    return died


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


def under_kills(tmp_path, mysql, oceanbase, seconds, seed):
    print(f"seed {seed}")
    choose = random.Random(seed)
    database = "killed"
    oceanbase.drop(database)
    tables = load.prepare(mysql, database, seed, 6)
    clients = [load.Load(mysql, database, tables, seed + n) for n in range(2)]
    project = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{database}.*")
    for client in clients:
        client.start()
    kills = 0
    end = time.monotonic() + seconds
    following = godwit.Following(project)
    try:
        while time.monotonic() < end:
            wake = time.monotonic() + choose.uniform(1, 8)
            godwit.wait(lambda: time.monotonic() > wake or following.process.poll() is not None, 60,
                        "the next kill")
            victim = choose.choice(["godwit", "godwit", "mysql-9.7", "oceanbase"])
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
    print(f"{kills} kills, {sum(c.transactions for c in clients)} transactions")
    run = project.migrate(timeout=600)
    assert run.code == 0, f"seed {seed}: {run}"
    found = compare.servers(mysql, oceanbase, database)
    assert not found, f"seed {seed}: {found[:10]}"
    assert kills > 0


def test_random_kills(tmp_path, mysql, oceanbase):
    seed = int(os.environ.get("GODWIT_SEED", time.time_ns() % 1_000_000))
    under_kills(tmp_path, mysql, oceanbase, 120, seed)


@pytest.mark.soak
def test_soak(tmp_path, mysql, oceanbase, request):
    seed = int(os.environ.get("GODWIT_SEED", time.time_ns() % 1_000_000))
    under_kills(tmp_path, mysql, oceanbase, 60 * float(request.config.getoption("--minutes")), seed)
