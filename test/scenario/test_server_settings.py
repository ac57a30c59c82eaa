# SPDX-License-Identifier: Apache-2.0
"""Servers whose own settings are others than a session of Godwit needs: it has what it needs all the same."""
import contextlib

import compare
import godwit

DATABASE = "settings"
ROWS = 3000
SOURCE = {"sql_select_limit": 100, "autocommit": 0, "sql_safe_updates": 1}
DESTINATION = {"sql_select_limit": 100, "autocommit": 0, "sql_safe_updates": 1}


@contextlib.contextmanager
def globally(server, values):
    before = {name: server.query(f"SELECT @@global.{name}")[0][0] for name in values}
    try:
        for name, value in values.items():
            server.run(f"SET GLOBAL {name} = {value};\n")
        yield
    finally:
        for name, value in before.items():
            server.run(f"SET GLOBAL {name} = {value};\n")


def test_checksums_of_the_log_come_and_go(tmp_path, source, oceanbase):
    """While it is read, while nobody reads it, and in files read again from before the change."""
    for server in (source, oceanbase):
        server.drop(DATABASE)
    source.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.t (id INT PRIMARY KEY, v INT);\n")
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{DATABASE}.*")

    def change(*checksums):
        for checksum in checksums:
            source.run(f"SET GLOBAL binlog_checksum = {checksum};\n")
            change.last += 1
            source.run(f"INSERT INTO t VALUES ({change.last}, 1);\nUPDATE t SET v = v + 1;\n", DATABASE)

    change.last = 0
    with globally(source, {"binlog_checksum": "CRC32"}):
        following = godwit.Following(project)
        following.wait_stage("incremental", "running")
        for _ in range(2):
            change("NONE", "CRC32", "NONE")
            godwit.wait(lambda: oceanbase.query(f"SELECT COUNT(*) FROM {DATABASE}.t")[0][0] == change.last, 60,
                        "the changes", following.process)
        assert following.stop().code == 130
        change("CRC32", "NONE")
        run = project.migrate()
        assert run.code == 0, run
        change("CRC32")
        run = project.migrate()
        assert run.code == 0, run
    assert not compare.servers(source, oceanbase, DATABASE)


def test_limits_and_open_transactions(tmp_path, mysql, oceanbase):
    """Rows by chunks and from a snapshot, a column that is filled by an UPDATE, changes, corrections."""
    for server in (mysql, oceanbase):
        server.drop(DATABASE)
    rows = "".join(f"INSERT INTO {DATABASE}.{t} VALUES {','.join(f'({n}, {n})' for n in range(ROWS))};\n"
                   for t in ("keyed", "keyless"))
    mysql.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.keyed (id INT PRIMARY KEY, v INT);\n"
              f"CREATE TABLE {DATABASE}.keyless (id INT, v INT);\n" + rows)
    with globally(mysql, SOURCE), globally(oceanbase, DESTINATION):
        project = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*")
        run = project.migrate()
        assert run.code == 0, run
        mysql.run(f"ALTER TABLE {DATABASE}.keyed ADD COLUMN note TEXT NOT NULL DEFAULT ('n/a');\n"
                  f"UPDATE {DATABASE}.keyed SET v = v + 1 WHERE id < 500;\n")
        run = project.migrate()
        assert run.code == 0, run
    found = compare.servers(mysql, oceanbase, DATABASE)
    assert not found, found[:10]
    assert oceanbase.query(f"SELECT COUNT(*) FROM {DATABASE}.keyed WHERE note = 'n/a'")[0][0] == ROWS
