# SPDX-License-Identifier: Apache-2.0
"""Sources whose log does not say whole rows: binlog_row_image MINIMAL and NOBLOB, for the whole server
or for one session, with partial JSON or without."""
import threading

import pytest

import backlog
import compare
import godwit
from conftest import SOURCES, server

SLOW = """
[limits]
rows_per_second = 4000
chunk_bytes = 65536
"""

# Literal and implicit defaults are not in the image of an insert, what expressions gave is.
TABLES = """
CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, a INT NOT NULL, b INT DEFAULT 7,
 d DECIMAL(8,2) DEFAULT 1.5, v VARCHAR(20) NOT NULL DEFAULT 'it''s', e ENUM('x','y') NOT NULL,
 ts TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
 dt DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, n VARCHAR(9), c CHAR(3) NOT NULL,
 day DATE NOT NULL DEFAULT '2020-01-02', bin BINARY(3) NOT NULL, bits BIT(9) NOT NULL,
 t TIME(2) NOT NULL, big TEXT);
CREATE TABLE u (id INT PRIMARY KEY, u INT, w VARCHAR(20), big BLOB, UNIQUE KEY u (u));
CREATE TABLE two (a INT NOT NULL, b INT NOT NULL, c BLOB, UNIQUE KEY b (b), UNIQUE KEY a (a));
CREATE TABLE nokey (a INT, c TEXT, d INT);
CREATE TABLE parent (id INT PRIMARY KEY, v INT);
CREATE TABLE child (id INT PRIMARY KEY, p INT, v INT, FOREIGN KEY (p) REFERENCES parent (id)
 ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO t (id) VALUES (1), (2), (3);
INSERT INTO u VALUES (1, 1, 'a', 'x'), (2, 2, 'b', REPEAT('y', 1000)), (3, NULL, NULL, NULL);
INSERT INTO two VALUES (1, 11, 'x'), (2, 12, 'y');
INSERT INTO nokey VALUES (1, 'x', 1), (1, 'x', 1), (2, NULL, NULL);
INSERT INTO parent VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO child VALUES (1, 1, 1), (2, 1, 2), (3, 2, 3);
"""

CHANGES = """
INSERT INTO t () VALUES ();
INSERT INTO t (a, big) VALUES (5, REPEAT('z', 3000));
UPDATE t SET b = 8 WHERE id = 1;
UPDATE t SET big = 'now', n = NULL WHERE id = 2;
UPDATE t SET ts = ts, b = NULL WHERE id = 3;
UPDATE t SET id = 90 WHERE id = 3;
INSERT INTO t (id, a) VALUES (1, 1) ON DUPLICATE KEY UPDATE a = 77;
REPLACE INTO t (id, a) VALUES (2, 9);
UPDATE u SET u = 20 WHERE id = 1;
UPDATE u SET u = 1 WHERE id = 2;
UPDATE u SET w = 'c' WHERE id = 2;
DELETE FROM u WHERE id = 1;
INSERT INTO u (id, u) VALUES (4, 20);
UPDATE u SET big = 'z', u = NULL WHERE id = 4;
INSERT INTO u (id, u) VALUES (1, 20);
UPDATE u SET id = id + 100;
UPDATE two SET c = 'z' WHERE a = 1;
UPDATE two SET b = 99, c = NULL WHERE a = 2;
DELETE FROM two WHERE a = 1;
UPDATE nokey SET d = 5 LIMIT 1;
DELETE FROM nokey WHERE a = 2;
UPDATE parent SET id = 10 WHERE id = 1;
DELETE FROM parent WHERE id = 2;
UPDATE child SET v = 50 WHERE id = 1;
"""


@pytest.fixture(params=["mysql97", "mysql56"])
def source(request):
    """Servers whose partial images can be relied on."""
    return server(SOURCES[request.param], request.param)


@pytest.fixture
def mariadb():
    there = server(SOURCES["mariadb"], "mariadb")
    yield there
    there.run("SET GLOBAL binlog_row_image = 'FULL';\n")


@pytest.fixture
def images(source):
    """Sets the image that new sessions log; restored at the end."""
    before = source.query("SELECT @@GLOBAL.binlog_row_image")[0][0]
    yield lambda image: source.run(f"SET GLOBAL binlog_row_image = '{image}';\n")
    source.run(f"SET GLOBAL binlog_row_image = '{before}';\n")


@pytest.fixture
def database(source, oceanbase):
    name = "images"
    source.drop(name)
    oceanbase.drop(name)
    source.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4;\n")
    return name


def lenient(source, database, script):
    source.run("SET sql_mode = '';\n" + script, database)


def change_all(source, database):
    lenient(source, database, CHANGES)
    lenient(source, database, "DELETE FROM u WHERE id > 100;\nDELETE FROM t WHERE id = 90;\n"
            "INSERT INTO t (id) VALUES (3);\nREPLACE INTO two VALUES (1, 11, 'x'), (2, 12, 'y');\n"
            "DELETE FROM parent WHERE id = 10;\nREPLACE INTO u VALUES (1, 1, 'a', 'x'), "
            "(2, 2, 'b', 'y');\nREPLACE INTO parent VALUES (1, 1), (2, 2);\n"
            "INSERT INTO child VALUES (1, 1, 1), (2, 1, 2), (3, 2, 3);\n")


@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
def test_changes_of_a_server_that_logs_less(tmp_path, source, oceanbase, database, images, image):
    images(image)
    lenient(source, database, TABLES)
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*")
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    for _ in range(3):
        change_all(source, database)
    assert following.stop().code == 130
    run = project.migrate()
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, database)


@pytest.mark.parametrize("image", ["MINIMAL", pytest.param("NOBLOB", marks=pytest.mark.full)])
def test_changes_of_a_server_that_logs_less_are_merged(tmp_path, source, oceanbase, database, images, image):
    images(image)
    lenient(source, database, TABLES)
    backlog.prepare(source, oceanbase)
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*", backlog.RULE, options=["--merge"])
    backlog.replay(project, source, oceanbase, lambda: [change_all(source, database) for _ in range(3)])
    run = project.migrate()
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, database, backlog.DATABASE)


def test_a_server_that_logs_less_is_copied_from_a_snapshot_under_writes(tmp_path, source, oceanbase,
                                                                       database, images):
    images("MINIMAL")
    fill(source, database)
    project = slow(tmp_path, source, oceanbase, database)
    following = godwit.Following(project)
    following.wait_stage("full", "running")
    change_while(source, database, project, "SET @x = 1")
    following.wait_stage("incremental", "running")
    assert following.stop().code == 130
    run = project.migrate()
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, database)


def test_one_session_that_logs_less_during_the_copy(tmp_path, source, oceanbase, database):
    """The server logs full images, so the table is copied in chunks; then again from a snapshot."""
    fill(source, database)
    project = slow(tmp_path, source, oceanbase, database)
    following = godwit.Following(project)
    following.wait_stage("full", "running")
    change_while(source, database, project, "SET SESSION binlog_row_image = MINIMAL")
    following.wait_stage("incremental", "running", seconds=240)
    assert following.stop().code == 130
    run = project.migrate()
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, database)


def fill(source, database, rows=12_000):
    source.run("CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(60) DEFAULT 'dflt', u INT, "
               "UNIQUE KEY u (u));\n", database)
    connection = source.connect(database)
    with connection.cursor() as cursor:
        for first in range(0, rows, 4000):
            cursor.executemany("INSERT INTO t VALUES (%s, %s, %s, %s)",
                               [(n * 2, n, f"row {n} " + "x" * 40, n * 2)
                                for n in range(first, min(first + 4000, rows))])
    connection.close()


def slow(tmp_path, source, oceanbase, database):
    config = tmp_path / "slow.toml"
    config.write_text(SLOW)
    return godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*",
                         options=["--config", config])


def change_while(source, database, project, setting):
    """Moves rows between chunks, changes parts of them and frees unique values while rows are read."""
    connection = source.connect(database)
    cursor = connection.cursor()
    cursor.execute(setting)
    stop = threading.Event()

    def watch():
        while project.stage("full") == "running":
            stop.wait(0.05)
        stop.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    n = 0
    while not stop.is_set() and n < 3000:
        n += 1
        low, high = (n * 7) % 3000 * 2, 24_000 - (n * 11) % 3000 * 2
        for statement in (f"UPDATE t SET a = -{n} WHERE id = {high}",
                          f"UPDATE t SET id = {low + 1}, a = {n} WHERE id = {high - 2}",
                          f"UPDATE t SET id = {high - 2} WHERE id = {low + 1}",
                          f"DELETE FROM t WHERE id = {low}",
                          f"INSERT INTO t (id, u) VALUES ({low}, {low})",
                          f"UPDATE t SET u = -{n} WHERE id = {low}"):
            try:
                cursor.execute(statement)
            except Exception as error:
                if getattr(error, "args", [0])[0] != 1062:
                    raise
    watcher.join()
    connection.close()
    assert n > 20, "the copy was over before anything changed"


def test_filters_need_full_images(tmp_path, mysql, oceanbase):
    mysql.drop("images")
    oceanbase.drop("images")
    mysql.run("CREATE DATABASE images;\nCREATE TABLE images.t (id INT PRIMARY KEY, a INT);\n")
    config = tmp_path / "filter.toml"
    config.write_text('objects = [{ rule = "images.t", where = "a < 10" }]\n')
    mysql.run("SET GLOBAL binlog_row_image = 'MINIMAL';\n")
    try:
        run = godwit.Godwit(tmp_path / "state", mysql, oceanbase,
                            options=["--config", config]).migrate()
    finally:
        mysql.run("SET GLOBAL binlog_row_image = 'FULL';\n")
    assert run.code == 3, run
    assert "row filter" in run.err and "images.t" in run.err


def test_a_filter_that_meets_a_partial_image_stops(tmp_path, mysql, oceanbase):
    """One session's images were partial; the filter cannot judge, and says so instead of guessing."""
    mysql.drop("images")
    oceanbase.drop("images")
    mysql.run("CREATE DATABASE images;\nCREATE TABLE images.t (id INT PRIMARY KEY, a INT, b INT);\n"
              "INSERT INTO images.t VALUES (1, 1, 1), (2, 20, 2);\n")
    config = tmp_path / "filter.toml"
    config.write_text('objects = [{ rule = "images.t", where = "a < 10" }]\n')
    project = godwit.Godwit(tmp_path / "state", mysql, oceanbase, options=["--config", config])
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    mysql.run("SET SESSION binlog_row_image = 'MINIMAL';\nUPDATE t SET b = 5 WHERE id = 1;\n",
              "images")
    out, err = following.process.communicate(timeout=godwit.WAIT_SECONDS)
    assert following.process.returncode == 5, err
    assert "CHANGE_IMAGE_PARTIAL" in err
    assert oceanbase.query("SELECT * FROM images.t") == ((1, 1, 1),)


@pytest.mark.parametrize("image", ["FULL", "NOBLOB", "MINIMAL"])
def test_partial_json(tmp_path, mysql, oceanbase, image):
    """JSON updates logged as differences; with partial images only where the old value is logged."""
    mysql.drop("images")
    oceanbase.drop("images")
    mysql.run("CREATE DATABASE images;\nCREATE TABLE images.t (id INT PRIMARY KEY, j JSON, k JSON, "
              "n INT);\nCREATE TABLE images.nokey (j JSON, n INT);\n")
    document = '{"a": [1, 2, {"x": "y"}], "b": "' + "z" * 500 + '", "c": null}'
    for row in range(1, 8):
        mysql.query("INSERT INTO images.t VALUES (%s, %s, %s, 0)", row, document, document)
    mysql.query("INSERT INTO images.nokey VALUES (%s, 1)", document)
    project = godwit.Godwit(tmp_path / "state", mysql, oceanbase, "images.*")
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    partial = f"SET SESSION binlog_row_image = '{image}', SESSION binlog_row_value_options = " \
              "'PARTIAL_JSON';\n"
    updates = """
UPDATE t SET j = JSON_SET(j, '$.a[0]', 17) WHERE id = 1;
UPDATE t SET j = JSON_REPLACE(j, '$.a[2].x', 'long enough to grow'), n = 3 WHERE id = 2;
UPDATE t SET j = JSON_REMOVE(j, '$.b'), k = JSON_SET(k, '$.a[1]', CAST('{"q": 1.50}' AS JSON)) WHERE id = 3;
UPDATE t SET j = JSON_SET(JSON_REMOVE(j, '$.c'), '$.d', 'new') WHERE id = 4;
UPDATE t SET k = '[]' WHERE id = 5;
UPDATE t SET n = 4 WHERE id = 6;
UPDATE nokey SET j = JSON_SET(j, '$.c', 5), n = 2;
"""
    whole = {"FULL": updates, "NOBLOB": updates.splitlines()[5:8], "MINIMAL": updates.splitlines()[5:8]}
    script = whole[image] if image == "FULL" else "\n".join(whole[image]) + "\n"
    mysql.run(partial + script, "images")
    assert following.stop().code == 130
    run = project.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, "images")


def test_json_differences_without_the_old_value_stop(tmp_path, mysql, oceanbase):
    mysql.drop("images")
    oceanbase.drop("images")
    mysql.run("CREATE DATABASE images;\nCREATE TABLE images.t (id INT PRIMARY KEY, j JSON);\n"
              "INSERT INTO images.t VALUES (1, '{\"a\": 1, \"b\": \"xxxxxxxxxxxxxxxxxxxxxxxx\"}');\n")
    project = godwit.Godwit(tmp_path / "state", mysql, oceanbase, "images.*")
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    mysql.run("SET SESSION binlog_row_image = 'MINIMAL', SESSION binlog_row_value_options = "
              "'PARTIAL_JSON';\nUPDATE t SET j = JSON_SET(j, '$.a', 2) WHERE id = 1;\n", "images")
    out, err = following.process.communicate(timeout=godwit.WAIT_SECONDS)
    assert following.process.returncode != 0
    assert "CHANGE_IMAGE_PARTIAL" in err


def test_mariadb_whose_images_cannot_be_relied_on(tmp_path, mariadb, oceanbase):
    """It logs a REPLACE as an update that leaves out what went back to its default."""
    mariadb.drop("images")
    oceanbase.drop("images")
    mariadb.run("CREATE DATABASE images;\nCREATE TABLE images.t (id INT PRIMARY KEY, a INT, b INT "
                "DEFAULT 7);\nINSERT INTO images.t VALUES (1, 1, 1), (2, 2, 2);\n")
    mariadb.run("SET GLOBAL binlog_row_image = 'MINIMAL';\n")
    project = godwit.Godwit(tmp_path / "state", mariadb, oceanbase, "images.*")
    run = project.migrate()
    assert run.code == 3 and "REPLACE" in run.err, run
    project = godwit.Godwit(tmp_path / "skipped", mariadb, oceanbase, "images.*",
                            options=["--skip-check", "binlog_row_image"])
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    mariadb.run("UPDATE t SET a = 10 WHERE id = 1;\nDELETE FROM t WHERE id = 2;\n"
                "INSERT INTO t (id, a) VALUES (3, 3);\n", "images")
    assert following.stop().code == 130
    run = project.migrate()
    assert run.code == 0, run
    assert oceanbase.query("SELECT * FROM images.t ORDER BY id") == ((1, 10, 1), (3, 3, 7))
    mariadb.run("REPLACE INTO t (id, a) VALUES (1, 11);\n", "images")
    run = project.migrate()
    assert run.code == 1 and "CHANGE_IMAGE_DOUBTFUL" in run.err, run
    assert oceanbase.query("SELECT * FROM images.t WHERE id = 1") == ((1, 10, 1),)
