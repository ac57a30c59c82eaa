# SPDX-License-Identifier: Apache-2.0
"""A statement is under way at the destination when Godwit dies. The server goes on with it, or takes back
what it has half made: what the next start does about it must not depend on who is faster."""
import subprocess
import threading
import time
import warnings

import pytest

import compare
import definitions
import godwit
import proxy

DATABASE = "cutoff"
# Under way long enough to be met: each rewrites the table or reads it through.
STATEMENTS = {
    "rewrite": "ALTER TABLE {0}.t ADD COLUMN added INT DEFAULT 7, DROP COLUMN part",
    "index": "CREATE INDEX later ON {0}.t (part)",
    "twice": "ALTER TABLE {0}.t CHANGE part other BIGINT, CHANGE other part BIGINT",
}
ROWS = 3000


def statements_of_project(oceanbase):
    return [row[7] for row in oceanbase.query("SHOW FULL PROCESSLIST")
            if row[7] and row[7].startswith("/* godwit ")]


def follow(tmp_path, mysql, oceanbase, *table, through=None):
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\n" + "".join(f"{statement};\n" for statement in table))
    p = godwit.Godwit(tmp_path / "state", mysql, through or oceanbase, f"{DATABASE}.*")
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    return p, following


class Met:
    """Sees the statement on its way to the destination."""

    def __init__(self):
        self.event = threading.Event()

    def __call__(self, statement):
        if statement.startswith(b"/* godwit ") and b"cutoff" in statement:
            self.event.set()
        return False  # nothing is to break


def is_stuck(oceanbase):
    """Whether DDL of any client waits for ever: an engine may come to that by a connection that goes at the wrong
    moment (docs/fine-print.md)."""
    probe = threading.Thread(target=oceanbase.run, args=("CREATE DATABASE IF NOT EXISTS cutoff_probe;\n",), daemon=True)
    probe.start()
    probe.join(20)
    return probe.is_alive()


def goes_on(p, mysql, oceanbase):
    process = godwit.Following(p, "--stop-when-caught-up").process
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        assert is_stuck(oceanbase), f"the engine works, and godwit waits: {p.show().get('transient')}"
        warnings.warn("the engine had to be started again, as fine-print.md says")
        for action in ("kill", "start"):
            assert godwit.testbed(action, "oceanbase").returncode == 0
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    assert not definitions.differences(mysql, oceanbase, DATABASE)
    assert not compare.servers(mysql, oceanbase, DATABASE)


@pytest.mark.parametrize("delay", [0, 0.05, 0.15], ids=lambda d: f"{int(d * 1000)}ms")
@pytest.mark.parametrize("name", STATEMENTS)
def test_statement_is_cut_off(tmp_path, mysql, oceanbase, name, delay):
    with proxy.Proxy(oceanbase) as between:
        p, following = follow(
            tmp_path, mysql, oceanbase,
            f"CREATE TABLE {DATABASE}.t (id INT PRIMARY KEY, part INT, other BIGINT)",
            f"SET cte_max_recursion_depth = {ROWS}",
            f"INSERT INTO {DATABASE}.t WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n "
            f"WHERE i < {ROWS}) SELECT i, i, -i FROM n", through=between.as_server())
        met = Met()
        between.add(proxy.Fault("none", met))
        mysql.run(STATEMENTS[name].format(DATABASE) + ";\n")
        assert met.event.wait(30), "the statement was not met"
        time.sleep(delay)  # where in the statement it is met
        following.kill()
        mysql.run(f"INSERT INTO {DATABASE}.t (id) VALUES (0);\n")
        goes_on(p, mysql, oceanbase)
    states = {row[10] for row in oceanbase.query(f"SHOW INDEX FROM {DATABASE}.t")}
    assert states <= {"available", "BTREE"}, states


def test_interrupt_ends_a_statement_that_waits(tmp_path, mysql, oceanbase):
    """An index cannot be made while a transaction has written to its table: Ctrl-C must not wait for it."""
    p, following = follow(tmp_path, mysql, oceanbase,
                          f"CREATE TABLE {DATABASE}.t (id INT PRIMARY KEY, part INT)",
                          f"INSERT INTO {DATABASE}.t VALUES (1, 1), (2, 2)")
    held = oceanbase.connect(autocommit=False)
    held.cursor().execute(f"UPDATE {DATABASE}.t SET part = 3 WHERE id = 2")
    mysql.run(f"CREATE INDEX later ON {DATABASE}.t (part);\nINSERT INTO {DATABASE}.t VALUES (3, 3);\n")
    godwit.wait(lambda: statements_of_project(oceanbase), 30, "the statement to be under way")
    begin = time.monotonic()
    assert following.stop().code == 130
    assert time.monotonic() - begin < 10
    held.rollback()
    goes_on(p, mysql, oceanbase)


def test_statement_whose_connection_the_server_takes_for_alive(tmp_path, mysql, oceanbase):
    """It waits for a transaction that does not end, and nothing tells the server that nobody reads its answer:
    the next start ends it."""
    def sessions():
        return [row[0] for row in oceanbase.query("SHOW FULL PROCESSLIST")
                if row[7] and row[7].startswith("/* godwit ") and "later" in row[7]]

    with proxy.Proxy(oceanbase) as between:
        p, following = follow(tmp_path, mysql, oceanbase,
                              f"CREATE TABLE {DATABASE}.t (id INT PRIMARY KEY, part INT)",
                              f"INSERT INTO {DATABASE}.t VALUES (1, 1), (2, 2)", through=between.as_server())
        held = oceanbase.connect(autocommit=False)
        held.cursor().execute(f"UPDATE {DATABASE}.t SET part = 3 WHERE id = 2")
        between.add(proxy.Fault("orphan", lambda statement: b"`later`" in statement))
        mysql.run(f"CREATE INDEX later ON {DATABASE}.t (part);\n")
        godwit.wait(sessions, 30, "the statement to be under way")
        orphan, = sessions()
        following.kill()
        again = godwit.Following(p)
        godwit.wait(lambda: p.show().get("transient"), 30, "the statement to be waited for", again.process)
        shown = p.show()["transient"]
        assert shown["code"] == "STATEMENT_RUNNING" and f"(session {orphan})" in shown["message"], shown
        godwit.wait(lambda: orphan not in sessions(), 60, "the statement to be ended", again.process)
        held.rollback()
        assert again.stop().code == 130
        goes_on(p, mysql, oceanbase)
