# SPDX-License-Identifier: Apache-2.0
"""Locks that others hold: Godwit says that it waits, holds nobody up, and goes on by itself."""
import threading
import time

import pytest

import compare
import godwit

DATABASE = "locked"
SLOWLY = """
[limits]
rows_per_second = 4000
"""
SOON = 30  # seconds, on a busy machine


@pytest.fixture
def tables(mysql, oceanbase):
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\n"
              f"CREATE TABLE {DATABASE}.keyed (id INT PRIMARY KEY, n INT);\n"
              f"CREATE TABLE {DATABASE}.keyless (n INT);\n"
              f"INSERT INTO {DATABASE}.keyless VALUES (1), (2), (2);\n")
    connection = mysql.connect(DATABASE)
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO keyed VALUES (%s, %s)", [(n, n) for n in range(40_000)])
    connection.close()


class TwoOfOneRow:
    """One transaction has the row of another's statement: a global lock waits for the second, which
    waits for the first, whose next statement waits for the global lock."""

    def __init__(self, mysql):
        self.holder = mysql.connect(DATABASE, autocommit=False)
        self.waiter = mysql.connect(DATABASE)
        self.waiter.cursor().execute("SET innodb_lock_wait_timeout = 600")
        self.holder.cursor().execute("UPDATE keyed SET n = n + 1 WHERE id = 5")
        self.thread = threading.Thread(target=self.waiter.cursor().execute,
                                       args=("UPDATE keyed SET n = n + 1 WHERE id = 5",))
        self.thread.start()
        waiting = ("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %s AND "
                   "state LIKE 'updating%%'")
        godwit.wait(lambda: mysql.query(waiting, self.waiter.thread_id())[0][0], SOON, "the waiter")

    def seconds_of_a_write(self):
        begin = time.monotonic()
        self.holder.cursor().execute("UPDATE keyed SET n = n + 1 WHERE id = 6")
        return time.monotonic() - begin

    def end(self):
        self.holder.commit()
        self.thread.join()


def wait_for(project, following, code, side):
    def is_told():
        told = project.show().get("transient") or {}
        return told.get("code") == code and told.get("side") == side
    godwit.wait(is_told, SOON, f"{code} to be told", following.process)


def assert_equal(mysql, oceanbase, project, following):
    assert following.stop().code == 130
    run = project.migrate()
    assert run.code == 0, run
    found = compare.servers(mysql, oceanbase, DATABASE)
    assert not found, found[:10]


@pytest.mark.parametrize("stage", ["capture", "full"])
def test_source_is_not_held_up(tmp_path, mysql, oceanbase, tables, stage):
    config = tmp_path / "limits.toml"
    config.write_text(SLOWLY)
    project = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*",
                            options=["--config", config])
    if stage == "capture":
        clients = TwoOfOneRow(mysql)
    following = godwit.Following(project)
    if stage == "full":
        following.wait_stage("full", "running")
        clients = TwoOfOneRow(mysql)
    wait_for(project, following, "GLOBAL_LOCK_TIMEOUT", "source")
    assert clients.seconds_of_a_write() < 10
    clients.end()
    following.wait_stage("verification", "done")
    assert "transient" not in project.show()
    assert_equal(mysql, oceanbase, project, following)


def test_lock_at_the_destination(tmp_path, mysql, oceanbase, tables):
    project = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*")
    following = godwit.Following(project)
    following.wait_stage("verification", "done")
    holder = oceanbase.connect(DATABASE, autocommit=False)
    holder.cursor().execute("SELECT * FROM keyed WHERE id = 7 FOR UPDATE")
    mysql.run("UPDATE keyed SET n = -1 WHERE id = 7;\n", DATABASE)
    wait_for(project, following, "LOCK_WAIT_TIMEOUT", "destination")
    holder.rollback()
    godwit.wait(lambda: oceanbase.query(f"SELECT n FROM {DATABASE}.keyed WHERE id = 7") == ((-1,),),
                SOON, "the change to arrive", following.process)
    assert "transient" not in project.show()
    assert_equal(mysql, oceanbase, project, following)
