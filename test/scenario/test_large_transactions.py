# SPDX-License-Identifier: Apache-2.0
"""Transactions of more rows than are held at once: they are read from the Log while they are written, in one piece."""
import signal

import pytest

import compare
import godwit
import proxy

DATABASE = "large_transactions"
ROWS = 20_000


@pytest.fixture
def project(tmp_path, mysql, oceanbase):
    """One that follows, and has just been stopped."""
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\n")
    mysql.run("CREATE TABLE t (id INT PRIMARY KEY, v INT, w VARCHAR(50), UNIQUE KEY v (v));\n"
              "CREATE TABLE k (a INT, w VARCHAR(50));\nSET SESSION cte_max_recursion_depth = 1000000;\n"
              f"INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) "
              "SELECT i, i, REPEAT('x', 40) FROM n;\nINSERT INTO k SELECT v % 10, w FROM t LIMIT 300;\n", DATABASE)
    with proxy.Proxy(oceanbase) as between:
        p = godwit.Godwit(tmp_path / "state", mysql, between.as_server(), f"{DATABASE}.*")
        p.between = between
        following = godwit.Following(p)
        following.wait_stage("incremental", "running")
        assert following.stop().code == 130
        yield p


def write(mysql):
    """Rows move, change, go and come, in one transaction of more than 50,000."""
    connection = mysql.connect(DATABASE, autocommit=False)
    with connection.cursor() as cursor:
        rows = cursor.execute(f"UPDATE t SET id = id + {ROWS}")
        rows += cursor.execute("UPDATE t SET v = -v")
        rows += cursor.execute("DELETE FROM t WHERE id % 3 = 0")
        rows += cursor.execute("INSERT INTO t SELECT id - 20000, -v, 'again' FROM t")
        rows += cursor.execute("INSERT INTO k SELECT v % 10, w FROM t LIMIT 300")
        rows += cursor.execute("DELETE FROM k WHERE a = 3")
    connection.commit()
    connection.close()
    assert rows > 50_000


def assert_equal(project, mysql, oceanbase):
    run = project.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, DATABASE)


@pytest.mark.parametrize("point", ["replay-before-commit:1", "replay-after-commit:1"])
def test_a_kill_at_its_commit(project, mysql, oceanbase, point):
    write(mysql)
    crashed = project.start(environment={"GODWIT_CRASH_POINT": point})
    out, err = crashed.communicate(timeout=120)
    assert crashed.returncode == -signal.SIGKILL, out + err
    is_there = oceanbase.query(f"SELECT COUNT(*) FROM {DATABASE}.t WHERE w = 'again'")[0][0] > 0
    assert is_there == point.startswith("replay-after")
    assert_equal(project, mysql, oceanbase)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_its_commit_is_not_answered(project, mysql, oceanbase, moment):
    fault = proxy.Fault(moment, proxy.is_commit)
    project.between.add(fault)
    following = godwit.Following(project)
    write(mysql)
    godwit.wait(lambda: oceanbase.query(f"SELECT COUNT(*) FROM {DATABASE}.t WHERE w = 'again'")[0][0] > 0, 120, "its rows",
                following.process)
    assert following.stop().code == 130
    assert fault.hits
    assert_equal(project, mysql, oceanbase)


@pytest.mark.full
def test_memory_does_not_grow_with_it(project, mysql, oceanbase, record_property):
    """Two hundred thousand changes, and a million."""
    peaks = []
    for count in (10, 50):
        following = godwit.Following(project)
        connection = mysql.connect(DATABASE, autocommit=False)
        with connection.cursor() as cursor:
            for n in range(count):
                cursor.execute("UPDATE t SET w = %s", (f"{count} {n} " + "y" * 30,))
        connection.commit()
        connection.close()
        godwit.wait(lambda: oceanbase.query(f"SELECT w LIKE '{count} {count - 1} %' FROM {DATABASE}.t LIMIT 1") == ((1,),),
                    600, "the transaction", following.process)
        peaks.append(godwit.peak_memory(following.process))
        assert following.stop().code == 130
    record_property("size", f"{peaks[0] >> 20} MB for 200,000 changes, {peaks[1] >> 20} MB for 1,000,000")
    assert peaks[1] < 300 << 20 and peaks[1] < 1.1 * peaks[0] + (8 << 20)
    assert_equal(project, mysql, oceanbase)


def test_kills_within(project, mysql, oceanbase):
    """Nothing of it is there, and it comes as a whole later."""
    write(mysql)
    busy = lambda: oceanbase.query("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE "
                                   f"'%{DATABASE}%' AND INFO NOT LIKE '%PROCESSLIST%'")[0][0] > 0
    for _ in range(3):
        following = godwit.Following(project)
        godwit.wait(busy, 60, "a statement on its way", following.process)
        following.kill()
        assert oceanbase.query(f"SELECT COUNT(*) FROM {DATABASE}.t WHERE id > {ROWS}") == ((0,),)
    assert_equal(project, mysql, oceanbase)
