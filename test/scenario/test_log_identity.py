# SPDX-License-Identifier: Apache-2.0
"""Where reading of the source's log goes on: only in the log that was read, and also beside XA transactions
that overlap."""
import contextlib

import pytest

import compare
import godwit
import proxy

WITHOUT_GTIDS = pytest.mark.parametrize("source", ["mysql56", "mariadb"], indirect=True)
# MySQL 5.6 logs an XA transaction at its commit.
WITH_XA = pytest.mark.parametrize("source", ["mysql97", "mariadb"], indirect=True)


@pytest.fixture
def database(source, oceanbase):
    name = "identity"
    source.drop(name)
    oceanbase.drop(name)
    source.run(f"CREATE DATABASE {name};\n")
    return name


def wait_rows(oceanbase, database, following, *ids):
    expected = tuple((n,) for n in ids)
    godwit.wait(lambda: oceanbase.query(f"SELECT id FROM {database}.t ORDER BY id") == expected, 60,
                f"the rows {ids}", following.process)


def finish(project, source, oceanbase, database):
    run = project.migrate()
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, database)


def insert(*ids):
    return f"INSERT INTO t VALUES {', '.join(f'({n})' for n in ids)};\n"


def follow_a_change(project, source, oceanbase, database):
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    source.run(insert(3, 4), database)
    wait_rows(oceanbase, database, following, 1, 2, 3, 4)
    assert following.stop().code == 130


@WITHOUT_GTIDS
def test_reset_while_nobody_reads(tmp_path, source, oceanbase, database):
    """The new log has files of the same names, and its transactions end in the same places."""
    source.run("RESET MASTER;\nCREATE TABLE t (id INT PRIMARY KEY);\n" + insert(1, 2), database)
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*")
    follow_a_change(project, source, oceanbase, database)
    godwit.next_second(source)  # a file is known by the second in which it was begun
    source.run("RESET MASTER;\nCREATE TABLE u (id INT PRIMARY KEY);\n" + insert(5, 6) + insert(7, 8) +
               insert(9, 0), database)
    for _ in range(2):
        run = project.migrate()
        assert run.code == 1 and "LOG_RESET" in run.err, run


@WITHOUT_GTIDS
def test_new_files_are_of_the_same_log(tmp_path, source, oceanbase, database):
    source.run("CREATE TABLE t (id INT PRIMARY KEY);\n" + insert(1, 2), database)
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*")
    follow_a_change(project, source, oceanbase, database)
    source.run("FLUSH LOGS;\n" + insert(5) + "FLUSH LOGS;\n" + insert(6), database)
    finish(project, source, oceanbase, database)
    source.run("FLUSH LOGS;\n", database)
    last = source.query("SHOW MASTER STATUS")[0][0]
    finish(project, source, oceanbase, database)
    source.run(f"PURGE BINARY LOGS TO '{last}';\n" + insert(7), database)
    finish(project, source, oceanbase, database)


@contextlib.contextmanager
def prepared(source, database, xid, *changes):
    """How to end an XA transaction that is prepared; rolled back where nobody did."""
    connection = source.connect(database)
    cursor = connection.cursor()
    for statement in (f"XA START '{xid}'", *changes, f"XA END '{xid}'", f"XA PREPARE '{xid}'"):
        cursor.execute(statement)
    try:
        yield lambda word: cursor.execute(f"XA {word} '{xid}'")
    finally:
        if xid in str(source.query("XA RECOVER")):
            cursor.execute(f"XA ROLLBACK '{xid}'")
        connection.close()


@WITH_XA
def test_overlapping_xa_over_a_kill(tmp_path, source, oceanbase, database):
    """Reading begins again with the one that is still prepared, behind the beginning of the one that ended."""
    source.run("CREATE TABLE t (id INT PRIMARY KEY);\n", database)
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*")
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    with (prepared(source, database, "early", "INSERT INTO t VALUES (1)") as end_early,
          prepared(source, database, "late", "INSERT INTO t VALUES (2)") as end_late):
        end_early("COMMIT")
        wait_rows(oceanbase, database, following, 1)
        following.kill()
        following = godwit.Following(project)
        following.wait_stage("incremental", "running")
        source.run(insert(3), database)
        wait_rows(oceanbase, database, following, 1, 3)
        end_late("COMMIT")
        wait_rows(oceanbase, database, following, 1, 2, 3)
    assert following.stop().code == 130
    finish(project, source, oceanbase, database)


@WITH_XA
def test_xa_prepared_between_the_question_and_the_lock(tmp_path, source, oceanbase, database):
    """None was prepared when the start point was looked for; one is when its lock is taken."""
    source.run("CREATE TABLE t (id INT PRIMARY KEY);\n" + insert(1), database)
    questions, ends = [], []
    with contextlib.ExitStack() as stack, proxy.Proxy(source) as between:

        def prepare_one(statement):
            if statement == b"XA RECOVER":
                questions.append(len(ends))
            elif statement == b"FLUSH TABLES WITH READ LOCK" and questions and not ends:
                ends.append(stack.enter_context(prepared(source, database, "between", insert(2).strip(";\n"))))
            return False

        between.add(proxy.Fault("before", prepare_one))
        project = godwit.Godwit(tmp_path / "state", between.as_server(), oceanbase, f"{database}.*")
        following = godwit.Following(project)
        godwit.wait(lambda: 1 in questions, 60, "it to ask again", following.process)
        ends[0]("COMMIT")
        following.wait_stage("incremental", "running")
        source.run(insert(3), database)
        wait_rows(oceanbase, database, following, 1, 2, 3)
        assert following.stop().code == 130
        finish(project, source, oceanbase, database)
