# SPDX-License-Identifier: Apache-2.0
"""How a run may end, apart from well and from interrupted: its status, its exit code, and when."""
import threading
import time

import pytest

import compare
import godwit
import proxy

DATABASE = "outcomes"


@pytest.fixture
def table(mysql, oceanbase):
    for server in (mysql, oceanbase):
        server.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.t (id INT PRIMARY KEY, v INT);\n"
              f"INSERT INTO {DATABASE}.t VALUES (1, 1), (2, 2), (3, 3);\n")


def project(tmp_path, mysql, oceanbase, *options):
    return godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*", options=options)


@pytest.mark.parametrize("types", ["schema,full", "schema,full,incremental"])
def test_completed_unverified(tmp_path, mysql, oceanbase, table, types):
    run = project(tmp_path, mysql, oceanbase, "--types", types).migrate()
    assert (run.code, run.summary["status"]) == (0, "completed_unverified"), run
    assert (run.summary["tables"], run.summary["rows"]) == (1, 3)
    assert not compare.servers(mysql, oceanbase, DATABASE)


@pytest.mark.parametrize("types, status", [("incremental", "completed_unverified"),
                                           ("incremental,verification", "completed")])
def test_changes_alone(tmp_path, mysql, oceanbase, table, types, status):
    """The rows have come over by other means: what is written from the first start on is followed."""
    oceanbase.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.t (id INT PRIMARY KEY, v INT);\n"
                  f"INSERT INTO {DATABASE}.t VALUES (1, 1), (2, 2), (3, 3);\n")
    p = project(tmp_path, mysql, oceanbase, "--types", types)
    run = p.migrate()
    assert (run.code, run.summary["status"], run.summary["changes"]) == (0, status, 0), run
    mysql.run(f"INSERT INTO {DATABASE}.t VALUES (4, 4);\nUPDATE {DATABASE}.t SET v = 20 WHERE id = 2;\n"
              f"ALTER TABLE {DATABASE}.t ADD COLUMN w INT NOT NULL DEFAULT 5;\nDELETE FROM {DATABASE}.t WHERE id = 1;\n")
    run = p.migrate()
    assert (run.code, run.summary["status"], run.summary["changes"]) == (0, status, 3), run
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.t ORDER BY id") == ((2, 20, 5), (3, 3, 5), (4, 4, 5))


def test_blocked_after_its_timeout(tmp_path, mysql, oceanbase, table):
    """It waits so long for an answer, and no longer."""
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    oceanbase.run(f"ALTER TABLE {DATABASE}.t ADD COLUMN w INT;\n")  # the same statement will clash
    mysql.run(f"ALTER TABLE {DATABASE}.t ADD COLUMN w INT;\n")
    begin = time.monotonic()
    at_once = p.migrate()
    took = time.monotonic() - begin
    begin = time.monotonic()
    later = p.migrate("--blocked-timeout", "5")
    for run in (at_once, later):
        assert (run.code, run.summary["status"]) == (5, "blocked"), run
    assert 5 <= time.monotonic() - begin < took + 15
    item = p.show()["blocked"][0]["item"]
    p.resolve(item, "--done")
    assert p.migrate().code == 0


def test_unsettled(tmp_path, mysql, oceanbase, table):
    """A row that is another one at every look can be called neither equal nor different."""
    with proxy.Proxy(mysql) as between:
        p = project(tmp_path, between.as_server(), oceanbase)
        following = godwit.Following(p)
        following.wait_stage("verification", "done")
        between.delay = 0.02  # between two looks at the source the row always changes
        stop = threading.Event()

        def write():
            cursor = mysql.connect(DATABASE).cursor()
            while not stop.is_set():
                cursor.execute("UPDATE t SET v = v + 1 WHERE id = 2")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            done = p.other("verify", p.name, "--json", timeout=300)
        finally:
            stop.set()
            writer.join()
            between.delay = 0
        run = godwit.Run(done.returncode, done.stdout, done.stderr)
        assert (run.code, run.summary["status"], run.summary.get("reason")) == (5, "blocked", "unsettled"), run
        assert run.summary["inconsistent"] == 0, run
        assert "1 unsettled" in p.other("project", "show", p.name).stdout
        again = p.other("verify", p.name, "--json", timeout=300)
        assert again.returncode == 0, again.stderr  # nothing moves any more
        assert following.stop().code == 130
