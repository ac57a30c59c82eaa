# SPDX-License-Identifier: Apache-2.0
"""What Godwit may do to its source: the heartbeat row, and the limits of the copy."""
import contextlib
import time

import pytest

import compare
import godwit
import replicas

DATABASE = "gentle"


@pytest.fixture
def project(tmp_path, source, oceanbase):
    source.drop(DATABASE, "gentle_beat")
    oceanbase.drop(DATABASE, "gentle_beat")
    source.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.t (id INT PRIMARY KEY, v INT);\n"
               f"INSERT INTO {DATABASE}.t VALUES (1, 1), (2, 2);\n")

    def make(text):
        config = tmp_path / "project.toml"
        config.write_text(text)
        return godwit.Godwit(tmp_path / "state", source, oceanbase, f"{DATABASE}.*",
                             options=["--config", config])
    yield make
    source.drop("gentle_beat")


def beats(source, database):
    rows = source.query("SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND "
                        "table_name = 'godwit_heartbeat'", database)
    if not rows:
        return 0
    return int(source.query(f"SELECT IFNULL(SUM(beats), 0) FROM {database}.godwit_heartbeat")[0][0])


@pytest.mark.parametrize("database", ["gentle_beat", DATABASE])
def test_heartbeat_row(project, source, oceanbase, database):
    """Written where the user named a database, even one that is migrated; never migrated itself. An idle
    source's latency stays that of its last beat: the log has seconds, the beats come each second."""
    p = project(f'heartbeat = "{database}"\n[limits]\nheartbeat_seconds = 1\n')
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    before = beats(source, database)
    latencies = []

    def have_come(count):
        latencies.append(p.show()["flow"]["latency_us"] / 1e6)
        return beats(source, database) >= before + count

    godwit.wait(lambda: have_come(1), 60, "a beat", following.process)
    latencies.clear()  # those before it may be of the last change
    godwit.wait(lambda: have_come(6), 60, "six beats", following.process)
    assert latencies and max(latencies) < 3.5, latencies
    assert following.stop().code == 130
    run = p.migrate()
    assert run.code == 0, run
    assert run.summary["tables"] == 1
    there = oceanbase.query("SELECT table_schema FROM information_schema.tables WHERE table_name = "
                            "'godwit_heartbeat'")
    assert not there
    source.run(f"DROP TABLE {database}.godwit_heartbeat;\n")
    assert not compare.servers(source, oceanbase, DATABASE)


def wait_until_busy(following, text):
    shown = lambda: following.godwit.other("project", "show", "p").stdout
    godwit.wait(lambda: "SOURCE_BUSY" in shown() and text in shown(), 60, "the copy to wait",
                following.process)


def test_copy_waits_for_the_history(project, source, oceanbase):
    if source.name == "mysql56":
        pytest.skip("MySQL 5.6 shortens its history only after 128 rounds of purging")
    p = project("[limits]\nhistory_length = 100\n")
    holder = source.connect(DATABASE, autocommit=False)
    holder.cursor().execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
    holder.cursor().execute("SELECT COUNT(*) FROM t")
    writer = source.connect(DATABASE)
    for n in range(400):
        writer.cursor().execute("UPDATE t SET v = %s WHERE id = 1", (n,))
    following = godwit.Following(p)
    wait_until_busy(following, "old row versions")
    assert p.stage("full") == "running"
    holder.rollback()

    following.wait_stage("incremental", "running")
    assert following.stop().code == 130
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, DATABASE)


def test_copy_waits_for_a_replica(project, source, oceanbase):
    """The source itself stands for a replica whose replication is broken."""
    text = f'replicas = ["{source.url}"]\n[limits]\nreplica_lag_seconds = '
    p = project(text + "5\n")
    following = godwit.Following(p)
    wait_until_busy(following, "does not replicate")
    assert following.stop().code == 130
    assert not oceanbase.query(f"SELECT * FROM {DATABASE}.t")
    run = project(text + "0\n").migrate()
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, DATABASE)


@pytest.fixture
def replica(source, tmp_path):
    with replicas.replica_of(source, tmp_path / "testbed") as replica:
        yield replica


@replicas.WITH_GTIDS
def test_copy_waits_for_a_replica_that_lags(replica, project, source, oceanbase):
    replica.catch_up()
    p = project(f'replicas = ["{replica.url}"]\n[limits]\nreplica_lag_seconds = 1\n')
    with contextlib.closing(replica.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {DATABASE}.t READ")
        source.run("UPDATE t SET v = v + 1;\n", DATABASE)
        godwit.wait(lambda: (replica.lag() or 0) > 1, 60, "the replica to lag")
        following = godwit.Following(p)
        wait_until_busy(following, "s behind, the limit is 1 s")
        assert p.stage("full") == "running" and not oceanbase.query(f"SELECT * FROM {DATABASE}.t")
    following.wait_stage("verification", "done")
    assert following.stop().code == 130
    assert not compare.servers(source, oceanbase, DATABASE)


def test_snapshot_age(project, source, oceanbase, tmp_path):
    source.run(f"CREATE TABLE {DATABASE}.keyless (a INT, b VARCHAR(100));\n")
    with source.connect(DATABASE).cursor() as cursor:
        cursor.executemany("INSERT INTO keyless VALUES (%s, %s)",
                           [(n, "x" * 60) for n in range(12_000)])
    p = project("[limits]\nrows_per_second = 2000\nsnapshot_seconds = 1\n")
    run = p.migrate()
    assert run.code == 1 and "SNAPSHOT_LIMIT" in run.err, run
    p = project("[limits]\nrows_per_second = 0\nsnapshot_seconds = 0\n")
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, DATABASE)


@pytest.mark.parametrize("limit, chunk_bytes, rows, width", [("rows_per_second = 1000", 50_000, 5000, 90),
                                                             ("bytes_per_second = 800000", 400_000, 4000, 990)],
                         ids=["rows", "bytes"])
def test_rows_or_bytes_per_second(project, source, oceanbase, limit, chunk_bytes, rows, width):
    """Ten batches of the same size, for five seconds: each but the first waits until those before it are paid for."""
    with source.connect(DATABASE).cursor() as cursor:
        cursor.execute("CREATE TABLE wide (id INT PRIMARY KEY, b VARCHAR(1000))")
        cursor.executemany("INSERT INTO wide VALUES (%s, %s)", [(n, "x" * width) for n in range(rows)])
    p = project(f"[limits]\n{limit}\nchunk_bytes = {chunk_bytes}\n")
    begin = time.monotonic()
    run = p.migrate()
    assert run.code == 0, run
    assert time.monotonic() - begin > 4, "five seconds, less the last batches"
    assert not compare.servers(source, oceanbase, DATABASE)
