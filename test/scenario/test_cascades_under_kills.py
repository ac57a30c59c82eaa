# SPDX-License-Identifier: Apache-2.0
"""Parents and children whose cascades the source does not log, while Godwit copies and follows them and is killed."""
import random
import signal
import sqlite3
import threading

import pymysql
import pytest

import compare
import conftest
import definitions
import godwit
import replicas

DATABASE = "cascades"
PARENTS = 400


@pytest.fixture(params=["mysql56", "mariadb"])  # unlike MySQL from 9.6 on
def source(request):
    return conftest.server(conftest.SOURCES[request.param], request.param)


class Family(threading.Thread):
    """A client that makes, moves and deletes parents and their children."""

    def __init__(self, source, seed):
        super().__init__(daemon=True)
        self.source, self.random, self.stopped = source, random.Random(seed), threading.Event()
        self.error, self.changes = None, 0

    def run(self):
        try:
            connection = self.source.connect(DATABASE)
            with connection.cursor() as cursor:
                while not self.stopped.is_set():
                    self.stopped.wait(0.003)  # what cascades is replayed by one lane
                    try:
                        self.changes += cursor.execute(*self.change())
                    except pymysql.Error as error:
                        if error.args[0] not in (1062, 1205, 1213, 1451, 1452, 1761, 1762):  # clash, lock, no parent
                            raise
            connection.close()
        except Exception as error:
            self.error = error

    def change(self):
        r = self.random
        parent, other = r.randrange(PARENTS), r.randrange(PARENTS)
        return r.choice([
            ("INSERT INTO p VALUES (%s, %s)", (parent, r.randrange(9))),
            ("INSERT INTO c (p, v) VALUES (%s, 1), (%s, 2)", (parent, parent)),
            ("INSERT INTO c (p, v) VALUES (%s, 3)", (parent,)),
            ("INSERT INTO g (c, v) SELECT id, 1 FROM c WHERE p = %s LIMIT 2", (parent,)),
            ("UPDATE c SET v = v + 1 WHERE p = %s", (parent,)),
            ("UPDATE p SET id = %s WHERE id = %s", (other, parent)),
            ("DELETE FROM p WHERE id = %s", (parent,)),
            ("DELETE FROM c WHERE p = %s AND v > 2", (parent,))])

    def stop(self):
        self.stopped.set()
        self.join()
        if self.error:
            raise self.error


def begin(source):
    """Its clients at work."""
    source.run(f"CREATE DATABASE {DATABASE};\n")
    source.run("CREATE TABLE p (id INT PRIMARY KEY, v INT);\n"
               "CREATE TABLE c (id INT AUTO_INCREMENT PRIMARY KEY, p INT, v INT, FOREIGN KEY (p) REFERENCES p (id) ON "
               "DELETE CASCADE ON UPDATE CASCADE);\n"
               "CREATE TABLE g (id INT AUTO_INCREMENT PRIMARY KEY, c INT, v INT, FOREIGN KEY (c) REFERENCES c (id) ON "
               "DELETE SET NULL);\nCREATE TABLE alone (id INT PRIMARY KEY, v INT);\n", DATABASE)
    with source.connect(DATABASE).cursor() as cursor:
        cursor.executemany("INSERT INTO p VALUES (%s, 0)", [(n,) for n in range(0, PARENTS, 2)])
        cursor.executemany("INSERT INTO c (p, v) VALUES (%s, 0)", [(n % PARENTS // 2 * 2,) for n in range(3000)])
        cursor.executemany("INSERT INTO alone VALUES (%s, 0)", [(n,) for n in range(3000)])
    clients = [Family(source, 17 + n) for n in range(2)]
    for client in clients:
        client.start()
    return clients


@pytest.fixture
def family(source, oceanbase):
    source.drop(DATABASE)
    oceanbase.drop(DATABASE)
    clients = begin(source)
    yield clients
    for client in clients:
        client.stopped.set()


@pytest.mark.parametrize("point", ["full-before-snapshot-commit", "full-after-snapshot-commit",
                                   pytest.param("full-after-exit-point", marks=pytest.mark.full),
                                   pytest.param("replay-before-commit:40", marks=pytest.mark.full),
                                   "replay-after-commit:40"])
@pytest.mark.parametrize("merge", [[], pytest.param(["--merge"], marks=pytest.mark.full)], ids=["whole", "merged"])
def test_crash_among_cascades(tmp_path, source, oceanbase, family, point, merge):
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{DATABASE}.*", options=merge)
    crashed = project.start(environment={"GODWIT_CRASH_POINT": point})
    out, err = crashed.communicate(timeout=120)
    assert crashed.returncode == -signal.SIGKILL, out + err
    following = godwit.Following(project)  # under writes
    following.wait_stage("verification", "running", "done", seconds=120)
    changes = lambda: sum(client.changes for client in family)
    before = changes()
    godwit.wait(lambda: changes() > before + 300, 60, "changes that are followed", following.process)
    for client in family:
        client.stop()
    assert following.stop().code == 130
    run = project.migrate()
    assert run.code == 0, run
    found = compare.servers(source, oceanbase, DATABASE)
    assert not found, found[:10]
    assert not definitions.differences(source, oceanbase, DATABASE, has_gaps=True)


@pytest.mark.parametrize("source", ["mysql97"], indirect=True)
def test_a_replica_that_may_repeat_an_older_servers_log(tmp_path, source, oceanbase):
    """Nobody knows whether its log has what cascades did: the destination does it, once more where it has."""
    source.drop(DATABASE)
    oceanbase.drop(DATABASE)
    with replicas.replica_of(source, tmp_path / "testbed") as replica:
        clients = begin(source)
        try:
            project = godwit.Godwit(tmp_path / "state", replica, oceanbase, f"{DATABASE}.*")
            replica.catch_up()
            following = godwit.Following(project)  # under writes
            following.wait_stage("verification", "running", "done", seconds=120)
            changes = lambda: sum(client.changes for client in clients)
            before = changes()
            godwit.wait(lambda: changes() > before + 300, 60, "changes that are followed", following.process)
        finally:
            for client in clients:
                client.stop()
        replica.catch_up()
        assert following.stop().code == 130
        with sqlite3.connect(f"file:{next(project.state.rglob('godwit.db'))}?mode=ro", uri=True) as settings:
            found = settings.execute("SELECT value FROM setting WHERE key = 'source.cascades'").fetchone()
        assert found == (b"unlogged",)
        run = project.migrate()
        assert run.code == 0, run
        found = compare.servers(source, oceanbase, DATABASE)
        assert not found, found[:10]
