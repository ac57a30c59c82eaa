# SPDX-License-Identifier: Apache-2.0
"""A replica takes the source's place: the changes go on there, each of them once."""
import contextlib

import pytest

import compare
import godwit
import replicas

DATABASE = "failover"
ONLY_MARIADB = pytest.mark.parametrize("source", ["mariadb"], indirect=True)


@pytest.fixture
def replica(source, oceanbase, tmp_path):
    source.drop(DATABASE)
    oceanbase.drop(DATABASE)
    with replicas.replica_of(source, tmp_path / "testbed") as replica:
        yield replica


class Project(godwit.Godwit):
    """Its source is a stored data source, which may be stored anew."""

    def __init__(self, state, source, oceanbase):
        super().__init__(state, source, oceanbase, f"{DATABASE}.*")
        self.reads(source)

    def reads(self, server):
        added = self.other("datasource", "add", "shop", server.url)
        assert added.returncode == 0, added.stderr
        self.source = godwit.Server("shop", "@shop")


def wait_rows(oceanbase, following, *ids):
    expected = tuple((n,) for n in ids)
    godwit.wait(lambda: oceanbase.query(f"SELECT id FROM {DATABASE}.t ORDER BY id") == expected, 60,
                f"the rows {ids}", following.process)


def insert(*ids):
    """In a table with a key, and in one without, which shows what came twice."""
    return "".join(f"BEGIN;\nINSERT INTO t VALUES ({n}, 'new');\nUPDATE t SET v = CONCAT(v, {n}) WHERE id = {n};\n"
                   f"INSERT INTO seen VALUES ({n});\nCOMMIT;\n" for n in ids)


def begin(source, oceanbase, project, *more):
    """Follows the source from rows 1 and 2 on until 3 and 4 have come."""
    source.run(f"CREATE DATABASE {DATABASE};\nUSE {DATABASE};\n"
               "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200));\nCREATE TABLE seen (n INT);\n" + insert(1, 2))
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    source.run(insert(3) + "".join(more) + insert(4), DATABASE)
    wait_rows(oceanbase, following, 1, 2, 3, 4)
    return following


def finish(project, server, oceanbase):
    run = project.migrate()
    assert run.code == 0, run
    assert not compare.servers(server, oceanbase, DATABASE)
    return run


@contextlib.contextmanager
def prepared(source):
    with contextlib.closing(source.connect(DATABASE)) as connection, connection.cursor() as cursor:
        for statement in ("XA START 'x'", "INSERT INTO seen VALUES (50)", "XA END 'x'", "XA PREPARE 'x'"):
            cursor.execute(statement)
        try:
            yield
        finally:
            cursor.execute("XA ROLLBACK 'x'")


# Its first transaction of its own is a definition with rows.
ON_ITS_OWN = "CREATE TABLE made (PRIMARY KEY (id)) AS SELECT id, v FROM t;\n"


@replicas.WITH_GTIDS
def test_a_promoted_replica_goes_on(tmp_path, source, oceanbase, replica):
    project = Project(tmp_path / "state", source, oceanbase)
    assert begin(source, oceanbase, project).stop().code == 130
    source.run("FLUSH BINARY LOGS;\n" + insert(5), DATABASE)
    replica.catch_up()
    replica.promote()
    source.run(insert(99), DATABASE)  # of which nobody heard
    replica.run(ON_ITS_OWN + insert(6) + "ALTER TABLE t ADD COLUMN w INT DEFAULT 7;\n", DATABASE)
    project.reads(replica)
    finish(project, replica, oceanbase)
    replica.run("INSERT INTO t VALUES (7, 'seven', 7);\nFLUSH BINARY LOGS;\nUPDATE t SET w = id;\n", DATABASE)
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    replica.run("INSERT INTO t VALUES (8, 'eight', 8);\n", DATABASE)
    wait_rows(oceanbase, following, *range(1, 9))
    assert following.stop().code == 130
    finish(project, replica, oceanbase)


@pytest.mark.parametrize("source", ["mysql97"], indirect=True)
def test_an_account_that_may_not_lock_is_sure_of_gtids_from_the_next_file_on(tmp_path, source, oceanbase, replica):
    """Before the start's place there may be transactions in the log that the server does not count as executed."""
    source.run("DROP DATABASE IF EXISTS hosted_ops;\nDROP USER IF EXISTS hosted;\nCREATE USER hosted;\n"
               "GRANT SELECT, SHOW VIEW, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO hosted;\n"
               "GRANT CREATE, SELECT, INSERT, UPDATE ON hosted_ops.* TO hosted;\n")
    by = lambda server: godwit.Server(server.name, server.url.replace("root@", "hosted@"))
    try:
        project = Project(tmp_path / "state", by(source), oceanbase)
        project.options = [*godwit.config(tmp_path / "p.toml", 'heartbeat = "hosted_ops"\n'),
                           "--exclude", f"{DATABASE}.seen"]  # a copy without a key needs the lock
        assert begin(source, oceanbase, project).stop().code == 130
        replica.catch_up()
        project.reads(by(replica))
        run = project.migrate()
        assert run.code == 1 and "LOG_PURGED" in run.err and "no GTIDs tell what it has" in run.err, run
        project.reads(by(source))
        following = godwit.Following(project)
        source.run("FLUSH BINARY LOGS;\n" + insert(5), DATABASE)
        wait_rows(oceanbase, following, *range(1, 6))
        assert following.stop().code == 130
        replica.catch_up()
        replica.promote()
        replica.run(insert(6), DATABASE)
        project.reads(by(replica))
        run = project.migrate()
        assert run.code == 0, run
        assert not compare.table(replica.connect(), oceanbase.connect(), (DATABASE, "t"), (DATABASE, "t"))
    finally:
        source.run("DROP DATABASE IF EXISTS hosted_ops;\nDROP USER hosted;\n")


@pytest.mark.parametrize("source", ["mysql97"], indirect=True)
def test_a_replica_may_lack_what_cascades_do(tmp_path, source, oceanbase, replica):
    """An older server's log, which it repeats, would not have it: as long as it is a replica nobody knows."""
    project = Project(tmp_path / "state", source, oceanbase)
    following = begin(source, oceanbase, project,
                      "CREATE TABLE child (id INT PRIMARY KEY, t INT, FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE);\n"
                      "INSERT INTO child VALUES (1, 1), (2, 2);\n")
    assert following.stop().code == 130
    replica.catch_up()
    replica.promote()
    project.reads(replica)
    run = project.migrate()
    assert run.code == 1 and "CASCADES_CHANGED" in run.err and "RESET REPLICA ALL" in run.err, run
    replica.run("RESET REPLICA ALL;\n")
    replica.run("DELETE FROM t WHERE id = 1;\n", DATABASE)
    finish(project, replica, oceanbase)
    assert oceanbase.query(f"SELECT id FROM {DATABASE}.child") == ((2,),)


@replicas.WITH_GTIDS
def test_a_transaction_prepared_at_the_old_server_is_committed_at_the_new_one(tmp_path, source, oceanbase, replica):
    project = Project(tmp_path / "state", source, oceanbase)
    following = begin(source, oceanbase, project)
    with prepared(source):
        source.run(insert(5) + "ALTER TABLE t ADD COLUMN w INT DEFAULT 7;\nINSERT INTO t VALUES (6, 'six', 6);\n",
                   DATABASE)
        wait_rows(oceanbase, following, *range(1, 7))
        assert following.stop().code == 130
        source.run("INSERT INTO t VALUES (7, 'seven', 7);\n", DATABASE)
        replica.catch_up()
        replica.promote()
    replica.run("INSERT INTO t VALUES (8, 'eight', 8);\nXA COMMIT 'x';\n", DATABASE)
    project.reads(replica)
    finish(project, replica, oceanbase)


@pytest.mark.parametrize("source", ["mysql97"], indirect=True)
def test_a_replica_that_wrote_in_between_is_refused(tmp_path, source, oceanbase, replica):
    """While a transaction is prepared, reading begins again before others that were read: behind what is new their
    places do not say so any more."""
    project = Project(tmp_path / "state", source, oceanbase)
    following = begin(source, oceanbase, project)
    with prepared(source):
        replica.catch_up()
        replica.run("STOP REPLICA;\nCREATE DATABASE of_its_own;\n")
        source.run(insert(5), DATABASE)
        wait_rows(oceanbase, following, *range(1, 6))
        assert following.stop().code == 130
        replica.follow()
        replica.catch_up()
        replica.promote()
    replica.run(insert(6), DATABASE)
    project.reads(replica)
    run = project.migrate()
    assert run.code == 1 and "LOG_REORDERED" in run.err, run
    assert oceanbase.query(f"SELECT COUNT(*) FROM {DATABASE}.seen") == ((5,),)
    project.reads(source)
    finish(project, source, oceanbase)


@replicas.WITH_GTIDS
def test_a_replica_that_lacks_what_was_read_is_refused(tmp_path, source, oceanbase, replica):
    """It has what a prepared transaction holds the restart at, and not what was read behind that."""
    project = Project(tmp_path / "state", source, oceanbase)
    following = begin(source, oceanbase, project)
    with prepared(source):
        replica.catch_up()
        replica.promote()
        source.run(insert(5), DATABASE)
        wait_rows(oceanbase, following, *range(1, 6))
        assert following.stop().code == 130
        project.reads(replica)
        for n in (6, 7):  # whatever it goes on with
            run = project.migrate()
            assert run.code == 1 and "LOG_PURGED" in run.err and "not all that was read" in run.err, run
            replica.run(insert(n), DATABASE)
    assert oceanbase.query(f"SELECT COUNT(*) FROM {DATABASE}.seen") == ((5,),)
    project.reads(source)
    source.run(insert(8), DATABASE)
    finish(project, source, oceanbase)


@replicas.WITH_GTIDS
def test_a_replica_that_has_purged_what_comes_next_is_refused(tmp_path, source, oceanbase, replica):
    project = Project(tmp_path / "state", source, oceanbase)
    assert begin(source, oceanbase, project).stop().code == 130
    source.run(insert(5), DATABASE)
    replica.catch_up()
    replica.promote()
    replica.run("FLUSH BINARY LOGS;\n")
    last = replica.query("SHOW BINARY LOGS")[-1][0]

    def purge():  # MariaDB keeps a file until its engines need it no more
        replica.run(f"PURGE BINARY LOGS TO '{last}';\n")
        return replica.query("SHOW BINARY LOGS")[0][0] == last

    godwit.wait(purge, 60, "the old files to go")
    replica.run(insert(6), DATABASE)
    project.reads(replica)
    run = project.migrate()
    assert run.code == 1 and "LOG_PURGED" in run.err, run
    assert oceanbase.query(f"SELECT COUNT(*) FROM {DATABASE}.seen") == ((4,),)
    project.reads(source)
    finish(project, source, oceanbase)


def in_domain(number, script):
    return f"SET SESSION gtid_domain_id = {number};\n{script}SET SESSION gtid_domain_id = 0;\n"


@ONLY_MARIADB
def test_domains_come_in_another_order_from_the_replica(tmp_path, source, oceanbase, replica):
    """Behind the first place that is read there, lies what was read of the other domain at the old server."""
    project = Project(tmp_path / "state", source, oceanbase)
    following = begin(source, oceanbase, project, in_domain(7, "INSERT INTO seen VALUES (70);\n"))
    replica.catch_up()
    replica.run("STOP REPLICA;\n")
    with contextlib.closing(replica.connect()) as connection, connection.cursor() as cursor:
        # Domain 7 waits at the replica while domain 0 goes on.
        cursor.execute(f"LOCK TABLES {DATABASE}.seen READ")
        source.run("CREATE TABLE u (id INT PRIMARY KEY, b LONGBLOB);\n" +
                   in_domain(7, "INSERT INTO seen VALUES (71);\n"), DATABASE)
        godwit.wait(lambda: oceanbase.query(f"SELECT 1 FROM {DATABASE}.seen WHERE n = 71"), 60, "the row 71",
                    following.process)
        assert following.stop().code == 130
        # Large, so that some are in the Log for good before the others come.
        source.run("".join(f"INSERT INTO u VALUES ({n}, REPEAT('x', 2000000));\n" for n in range(20)), DATABASE)
        replica.run("SET GLOBAL slave_parallel_threads = 4;\nSTART REPLICA;\n")
        godwit.wait(lambda: replica.query(f"SHOW TABLES FROM {DATABASE} LIKE 'u'") and
                    replica.query(f"SELECT COUNT(*) FROM {DATABASE}.u") == ((20,),), 60, "domain 0 to go on")
    replica.catch_up()
    replica.promote()
    project.reads(replica)
    replica.run("INSERT INTO u VALUES (30, '');\n", DATABASE)
    run = project.migrate(environment={"GODWIT_CRASH_POINT": "capture-after-append:19"})
    assert run.code == -9, run  # between what is new and what the old server had of domain 7
    assert "insert failover.u" in project.other("store", "dump", project.name).stdout
    for n in (31, 32):
        finish(project, replica, oceanbase)
        replica.run(f"INSERT INTO u VALUES ({n}, '');\n", DATABASE)
    replica.run(in_domain(7, "INSERT INTO seen VALUES (72);\n") + "INSERT INTO u VALUES (33, '');\n", DATABASE)
    finish(project, replica, oceanbase)
    replica.run("INSERT INTO u VALUES (34, '');\n" + in_domain(7, "INSERT INTO seen VALUES (73);\n"), DATABASE)
    finish(project, replica, oceanbase)
