# SPDX-License-Identifier: Apache-2.0
"""What happens at the edges of the copy: transactions open across the start point, values and keys
that move between chunks while rows are read, definitions that change meanwhile."""
import contextlib
import random
import threading
import time

import pymysql
import pytest

import compare
import definitions
import godwit

SLOW = """
[limits]
rows_per_second = 4000
chunk_bytes = 65536
"""


@pytest.fixture
def database(source, oceanbase):
    name = "edge"
    source.drop(name)
    oceanbase.drop(name)
    source.run(f"CREATE DATABASE {name};\n")
    return name


def fill(source, database, rows=16_000):
    source.run("CREATE TABLE t (id INT PRIMARY KEY, u INT NOT NULL, v VARCHAR(60), UNIQUE KEY u (u));\n",
               database)
    connection = source.connect(database)
    with connection.cursor() as cursor:
        for first in range(0, rows, 4000):
            cursor.executemany("INSERT INTO t VALUES (%s, %s, %s)",
                               [(n * 2, n * 2, f"row {n} " + "x" * 40)
                                for n in range(first, min(first + 4000, rows))])
    connection.close()


def finish(project, source, oceanbase, database):
    run = project.migrate()
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, database)


def test_transaction_open_across_the_start(tmp_path, source, oceanbase, database):
    fill(source, database, 100)
    across = source.connect(database, autocommit=False)
    cursor = across.cursor()
    cursor.execute("INSERT INTO t VALUES (1001, 1001, 'before the start')")
    cursor.execute("UPDATE t SET v = 'before the start' WHERE id = 2")
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*")
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    cursor.execute("INSERT INTO t VALUES (1003, 1003, 'after the start')")
    cursor.execute("DELETE FROM t WHERE id = 4")
    across.commit()
    assert following.stop().code == 130
    finish(project, source, oceanbase, database)


@pytest.fixture
def unacknowledged(source):
    """Commits of the source are in its log, and wait for a replica's word before they show."""
    source.run("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so';\n"
               "SET GLOBAL rpl_semi_sync_source_timeout = 600000;\n")
    switch = lambda word: source.run(f"SET GLOBAL rpl_semi_sync_source_enabled = {word};\n")
    try:
        yield switch
    finally:
        switch("OFF")
        source.run("UNINSTALL PLUGIN rpl_semi_sync_source;\n")


@pytest.mark.parametrize("source", ["mysql97"], indirect=True)
def test_what_is_in_the_log_and_not_yet_visible(tmp_path, source, oceanbase, database, unacknowledged):
    """A place read then, and rows read after it, would both miss the transaction."""
    fill(source, database, 100)
    shows = lambda condition: source.query(
        f"SELECT 1 FROM performance_schema.processlist WHERE ID <> CONNECTION_ID() AND {condition}")
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*")
    with contextlib.closing(source.connect(database)) as connection:
        commit = threading.Thread(target=lambda: connection.cursor().execute("INSERT INTO t VALUES (1001, 1001, 'late')"))
        unacknowledged("ON")
        commit.start()
        try:
            godwit.wait(lambda: shows("STATE LIKE '%semi-sync ACK%'"), 60, "the commit to be in the log")
            assert not source.query(f"SELECT 1 FROM {database}.t WHERE id = 1001")
            following = godwit.Following(project)
            godwit.wait(lambda: shows("STATE = 'Waiting for global read lock'"), 60, "the commit to be waited for",
                        following.process)
            assert not project.show()["flow"]["capturing"]
        finally:
            unacknowledged("OFF")
            commit.join()
    following.wait_stage("incremental", "running")
    assert following.stop().code == 130
    finish(project, source, oceanbase, database)


@contextlib.contextmanager
def prepared(source, database, *changes, xid="across"):
    """How to end an XA transaction that is prepared. One that nobody has ended would hold up all that comes
    after: it is rolled back."""
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


PREPARED = ["INSERT INTO t VALUES (1001, 1001, 'prepared')", "UPDATE t SET v = 'prepared' WHERE id = 2"]


def test_xa_prepared_before_the_start(tmp_path, source, oceanbase, database):
    """Its rows would lie before the start point and its commit behind it: there is none until it has ended."""
    fill(source, database, 100)
    asked = lambda: int(source.query("SHOW GLOBAL STATUS LIKE 'Com_xa_recover'")[0][1])
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*")
    with prepared(source, database, *PREPARED) as end:
        before = asked()
        following = godwit.Following(project)
        godwit.wait(lambda: asked() >= before + 2, 60, "its end to be waited for", following.process)
        assert project.stage("capture") == "running" and not project.show()["flow"]["capturing"]
        end("COMMIT")
    following.wait_stage("incremental", "running")
    assert following.stop().code == 130
    finish(project, source, oceanbase, database)


def test_xa_prepared_while_it_follows(tmp_path, source, oceanbase, database):
    """What is committed meanwhile is not held up; a run that begins later knows the rows all the same."""
    fill(source, database, 100)
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*")
    following = godwit.Following(project)
    following.wait_stage("verification", "done")
    with (prepared(source, database, *PREPARED) as end,
          prepared(source, database, "DELETE FROM t WHERE id = 6", xid="given up") as give_up):
        source.run("UPDATE t SET v = 'beside' WHERE id = 4;\n", database)
        beside = f"SELECT id FROM {database}.t WHERE v = 'beside'"
        godwit.wait(lambda: oceanbase.query(beside) == ((4,),), 60, "the change beside them", following.process)
        assert following.stop().code == 130
        finish(project, source, oceanbase, database)
        end("COMMIT")
        give_up("ROLLBACK")
    finish(project, source, oceanbase, database)
    there = oceanbase.query(f"SELECT id FROM {database}.t WHERE v = 'prepared' OR id = 6 ORDER BY id")
    assert there == ((2,), (6,), (1001,))


@pytest.mark.full
def test_xa_that_stays_prepared(tmp_path, mysql, oceanbase):
    """The start is given up after a while, and goes on from the same command once it has ended."""
    database = "edge_xa"
    mysql.drop(database)
    oceanbase.drop(database)
    mysql.run(f"CREATE DATABASE {database};\n")
    fill(mysql, database, 100)
    project = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{database}.*")
    with prepared(mysql, database, *PREPARED) as end:
        run = project.migrate()
        assert (run.code, run.summary["status"]) == (1, "failed"), run
        assert "START_POINT_UNPROVED" in run.err and "XA RECOVER" in run.err, run
        end("COMMIT")
    finish(project, mysql, oceanbase, database)


@pytest.fixture
def plain(mysql):
    """An account that may not look at prepared transactions (MySQL 8: XA_RECOVER_ADMIN)."""
    mysql.run("DROP USER IF EXISTS plain;\nCREATE USER plain;\nGRANT SELECT, SHOW VIEW, RELOAD, REPLICATION SLAVE, "
              "REPLICATION CLIENT ON *.* TO plain;\n")
    yield godwit.Server(mysql.name, mysql.url.replace("root@", "plain@"))
    mysql.run("DROP USER plain;\n")


@pytest.mark.parametrize("word", ["COMMIT", "ROLLBACK"])
def test_xa_that_the_account_may_not_see(tmp_path, mysql, oceanbase, plain, word):
    """Nobody waits for it; its commit stops capture, again and again, since its rows were never read."""
    database = "edge_xa"
    mysql.drop(database)
    oceanbase.drop(database)
    mysql.run(f"CREATE DATABASE {database};\n")
    fill(mysql, database, 100)
    project = godwit.Godwit(tmp_path / "state", plain, oceanbase, f"{database}.*")
    with prepared(mysql, database, *PREPARED) as end:
        following = godwit.Following(project)
        following.wait_stage("verification", "done")
        end(word)
    if word == "COMMIT":
        godwit.wait(lambda: following.process.poll() is not None, 60, "its end")
        for run in (following.stop(), project.migrate()):
            assert (run.code, run.summary["status"]) == (1, "failed") and "XA_UNKNOWN" in run.err, run
        # What the error says to do.
        assert project.other("project", "release", project.name).returncode == 0
        oceanbase.drop(database)
    else:
        assert following.stop().code == 130
    finish(project, mysql, oceanbase, database)


@pytest.fixture
def hosted(source):
    """An account that may not lock the server, and may write in a database of its own."""
    # MySQL 5.6 comes with a nameless account of this host that goes before those of any host.
    names = ["hosted@localhost", "hosted@'%'"]
    source.drop("hosted_ops")
    for name in names:
        source.run(f"CREATE USER {name};\nGRANT SELECT, SHOW VIEW, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {name};\n"
                   f"GRANT CREATE, SELECT, INSERT, UPDATE ON hosted_ops.* TO {name};\n")
    yield godwit.Server(source.name, source.url.replace("root@", "hosted@"))
    for name in names:
        source.run(f"DROP USER {name};\n")


@pytest.mark.parametrize("source", ["mysql97", "mysql56"], indirect=True)  # MariaDB's snapshots know their place
def test_the_start_is_proved_by_a_row_of_godwits(tmp_path, source, oceanbase, database, hosted):
    fill(source, database, 2000)
    stop, errors = threading.Event(), []

    def write(number):
        try:
            with source.connect(database).cursor() as cursor:
                for n in range(1, 100_000, 8):
                    if stop.is_set():
                        return
                    cursor.execute("INSERT INTO t VALUES (%s, %s, 'new')", (n + 2 * number, n + 2 * number))
                    cursor.execute("UPDATE t SET u = -u WHERE id = %s", (n * 2 % 4000,))
        except Exception as error:
            errors.append(error)

    clients = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for client in clients:
        client.start()
    try:
        heartbeat = 'heartbeat = "hosted_ops"\n'
        project = godwit.Godwit(tmp_path / "state", hosted, oceanbase, f"{database}.*",
                                options=godwit.config(tmp_path / "p.toml", heartbeat))
        order = source.query("SELECT @@GLOBAL.binlog_order_commits")[0][0]
        source.run("SET GLOBAL binlog_order_commits = OFF;\n")
        try:
            run = project.migrate()
            assert run.code == 3 and "reload" in run.err, run
        finally:
            source.run(f"SET GLOBAL binlog_order_commits = {order};\n")
        following = godwit.Following(project)
        following.wait_stage("incremental", "running")
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert not errors, errors
    assert following.stop().code == 130
    assert source.query("SELECT COUNT(*) FROM hosted_ops.godwit_heartbeat") == ((1,),)
    finish(project, source, oceanbase, database)


@pytest.mark.parametrize("source", ["mariadb"], indirect=True)
def test_mariadbs_snapshots_know_their_place(tmp_path, source, oceanbase, database, hosted):
    """So that no lock is needed, for tables without a key neither."""
    fill(source, database, 2000)
    source.run("CREATE TABLE seen (n INT);\nCREATE TABLE pair (n INT) AS SELECT n FROM seen;\n", database)
    stop, errors = threading.Event(), []

    def write(number):
        try:
            with contextlib.closing(source.connect(database, autocommit=False)) as connection:
                cursor = connection.cursor()
                for n in range(number, 100_000, 4):
                    if stop.is_set():
                        return
                    cursor.execute("INSERT INTO seen VALUES (%s)", (n % 100,))
                    cursor.execute("INSERT INTO pair VALUES (%s)", (n % 100,))
                    cursor.execute("INSERT INTO t VALUES (%s, %s, 'new')", (n * 2 + 1, n * 2 + 1))
                    connection.commit()
        except Exception as error:
            errors.append(error)

    clients = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for client in clients:
        client.start()
    try:
        project = godwit.Godwit(tmp_path / "state", hosted, oceanbase, f"{database}.*")
        following = godwit.Following(project)
        following.wait_stage("incremental", "running")
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert not errors, errors
    assert following.stop().code == 130
    finish(project, source, oceanbase, database)


def test_values_and_keys_move_while_rows_are_read(tmp_path, source, oceanbase, database):
    fill(source, database)
    config = tmp_path / "slow.toml"
    config.write_text(SLOW)
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*",
                            options=["--config", config])
    following = godwit.Following(project)
    following.wait_stage("full", "running")
    moves = move_while(source, database, lambda: project.stage("full") == "running")
    assert moves > 50, "the copy was over before anything moved"
    following.wait_stage("incremental", "running")
    assert following.stop().code == 130
    finish(project, source, oceanbase, database)


def move_while(source, database, is_copying):
    """Moves keys across the whole range and unique values between far rows, until the copy ends."""
    choose = random.Random(3)
    connection = source.connect(database, autocommit=False)
    cursor = connection.cursor()
    stop = threading.Event()

    def watch():
        while is_copying():
            stop.wait(0.05)
        stop.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    moves = 0
    while not stop.is_set():
        a, b = choose.randrange(0, 32_000), choose.randrange(0, 32_000)
        kind = choose.randrange(4)
        try:
            if kind == 0:  # a key moves, often from a chunk not yet read into one already read
                cursor.execute("UPDATE t SET id = %s WHERE id = %s", (a | 1, b & ~1))
            elif kind == 1:  # two rows swap their unique values
                cursor.execute("SELECT id, u FROM t WHERE id IN (%s, %s) FOR UPDATE", (a & ~1, b & ~1))
                rows = cursor.fetchall()
                if len(rows) == 2:
                    (x, ux), (y, uy) = rows
                    cursor.execute("UPDATE t SET u = -1 WHERE id = %s", (x,))
                    cursor.execute("UPDATE t SET u = %s WHERE id = %s", (ux, y))
                    cursor.execute("UPDATE t SET u = %s WHERE id = %s", (uy, x))
            elif kind == 2:  # a unique value is given up and taken by another row later
                cursor.execute("DELETE FROM t WHERE id = %s", (a & ~1,))
                if cursor.rowcount:
                    cursor.execute("INSERT INTO t VALUES (%s, %s, 'took it')",
                                   (100_000 + moves, a & ~1))
            else:
                cursor.execute("UPDATE t SET v = CONCAT('touched ', %s) WHERE id = %s", (moves, b & ~1))
            connection.commit()
            moves += 1
        except Exception as error:
            if getattr(error, "args", [0])[0] != 1062:
                raise
            connection.rollback()
    watcher.join()
    connection.close()
    return moves


@pytest.mark.parametrize("change", [
    "ALTER TABLE t ADD COLUMN w INT DEFAULT 5;\nUPDATE t SET w = id;\n",
    "ALTER TABLE t DROP COLUMN v;\n",
    "TRUNCATE TABLE t;\nINSERT INTO t VALUES (1, 1, 'after');\n",
    "CREATE TABLE n LIKE t;\nINSERT INTO n SELECT * FROM t;\nRENAME TABLE t TO o, n TO t;\n"
    "INSERT INTO t VALUES (77777, 77777, 'new');\n",
    "DROP TABLE t;\n",
])
def test_definition_changes_during_the_copy(tmp_path, mysql, oceanbase, change):
    database = "edge_ddl"
    mysql.drop(database)
    oceanbase.drop(database)
    mysql.run(f"CREATE DATABASE {database};\n")
    fill(mysql, database)
    config = tmp_path / "slow.toml"
    config.write_text(SLOW)
    project = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{database}.*",
                            options=["--config", config])
    following = godwit.Following(project)
    following.wait_stage("full", "running")
    mysql.run(change, database)
    following.wait_stage("incremental", "running", seconds=180)
    assert following.stop().code == 130
    finish(project, mysql, oceanbase, database)


def test_cascades_during_the_copy(tmp_path, source, oceanbase, database):
    """What a server's foreign keys do to children that are read before, while and after, whether it logs
    that or not."""
    source.run("CREATE TABLE parent (id INT PRIMARY KEY, v VARCHAR(60));\n"
               "CREATE TABLE child (id INT PRIMARY KEY, p INT, v VARCHAR(60), FOREIGN KEY (p) REFERENCES "
               "parent (id) ON DELETE CASCADE ON UPDATE CASCADE);\n"
               "CREATE TABLE loose (id INT PRIMARY KEY, p INT, v VARCHAR(60), FOREIGN KEY (p) REFERENCES "
               "parent (id) ON DELETE SET NULL ON UPDATE SET NULL);\n"
               "CREATE TABLE tree (id INT PRIMARY KEY, up INT, v VARCHAR(60), FOREIGN KEY (up) REFERENCES "
               "tree (id) ON DELETE CASCADE);\n", database)
    rows = 3000
    connection = source.connect(database)
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO parent VALUES (%s, 'parent of many')", [(n,) for n in range(rows)])
        for table in ("child", "loose"):
            cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s, 'child of one')",
                               [(n, n * 7 % rows) for n in range(rows)])
        # One statement each: a row's parent must be there before it, in MySQL 5.6 within one too.
        cursor.executemany("INSERT INTO tree VALUES (%s, %s, 'a leaf or a branch')",
                           [(n, None if n < 10 else n // 3) for n in range(rows)])
    config = tmp_path / "slow.toml"
    config.write_text(SLOW)
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*",
                            options=["--config", config])
    following = godwit.Following(project)
    following.wait_stage("full", "running")
    choose = random.Random(5)
    changes = 0
    with connection.cursor() as cursor:
        while project.stage("full") == "running":
            for _ in range(20):
                n = choose.randrange(rows)
                cursor.execute("DELETE FROM parent WHERE id = %s", (n,))
                cursor.execute("UPDATE IGNORE parent SET id = %s WHERE id = %s",
                               (rows + changes, choose.randrange(rows)))
                cursor.execute("DELETE FROM tree WHERE id = %s", (choose.randrange(340, rows),))
                cursor.execute("INSERT INTO child SELECT %s, id, 'late' FROM parent WHERE id = %s",
                               (rows + changes, choose.randrange(rows)))
                changes += 1
    connection.close()
    assert changes > 50, "the copy was over before anything changed"
    following.wait_stage("incremental", "running")
    assert following.stop().code == 130
    finish(project, source, oceanbase, database)


@pytest.mark.parametrize("charset", ["latin1", "gbk", "sjis"])
def test_statements_of_clients_with_other_character_sets(tmp_path, source, oceanbase, database, charset):
    """A statement's names, defaults and comments are in the character set of who sent it. In SJIS the second
    byte of a character may be that of a backslash."""
    word = {"latin1": "stra\u00dfe", "gbk": "\u8868\u540d\u8a9e", "sjis": "\u8868\u793a\u30bd"}[charset]
    source.run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) CHARACTER SET utf8;\n"
               "INSERT INTO t VALUES (1, 'a');\n", database)
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*")
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    client = pymysql.connect(host="127.0.0.1", port=source.port, user=source.user, database=database,
                             charset=charset, autocommit=True)
    with client.cursor() as cursor:
        for statement in (f"CREATE TABLE `{word}` (id INT PRIMARY KEY, `{word}1` VARCHAR(20) DEFAULT '{word}' "
                          f"COMMENT '{word}', e ENUM('{word}', 'b')) CHARACTER SET utf8 COMMENT '{word}'",
                          f"INSERT INTO `{word}` (id, e) VALUES (1, '{word}'), (2, 'b')",
                          f"ALTER TABLE `{word}` ADD COLUMN `{word}2` VARCHAR(20) DEFAULT '{word}2' NOT NULL",
                          f"ALTER TABLE t CHANGE v `{word}` VARCHAR(30) COMMENT '{word}'",
                          f"UPDATE t SET `{word}` = '{word}' WHERE id = 1"):
            cursor.execute(statement)
    client.close()
    assert following.stop().code == 130
    finish(project, source, oceanbase, database)
    assert source.query(f"SELECT * FROM {database}.t") == ((1, word),)
    assert not definitions.differences(source, oceanbase, database)
