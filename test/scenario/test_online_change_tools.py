# SPDX-License-Identifier: Apache-2.0
"""The tools themselves that alter a table beside its users, while it is written to and followed."""
import subprocess
import threading

import pymysql
import pytest

import compare
import godwit

DATABASE = "online"
ROWS = 20_000


class Writers:
    """Some connections that insert, update and delete in small transactions until they are told to end."""

    def __init__(self, server):
        self.end = threading.Event()
        self.errors = []
        self.done = 0
        self.threads = [threading.Thread(target=self.write, args=(server, n)) for n in range(2)]
        for thread in self.threads:
            thread.start()

    def write(self, server, number):
        connection = server.connect(DATABASE)
        try:
            with connection.cursor() as cursor:
                for step in range(1_000_000):
                    if self.end.is_set():
                        return
                    here = (step * 37 + number * 7919) % ROWS
                    try:
                        cursor.execute("START TRANSACTION")
                        cursor.execute("UPDATE t SET v = v + 1 WHERE id = %s", here)
                        cursor.execute("DELETE FROM t WHERE id = %s", (here + 11) % ROWS)
                        cursor.execute("INSERT INTO t (id, v) VALUES (%s, 0)", ROWS + step * 2 + number)
                        cursor.execute("COMMIT")
                        self.done += 1
                    except pymysql.err.OperationalError as error:
                        if error.args[0] != 1213:  # a deadlock, with the tool's copying; all is rolled back
                            raise
        except Exception as error:  # noqa: BLE001
            self.errors.append(error)
        finally:
            connection.close()

    def stop(self):
        self.end.set()
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors


@pytest.mark.full
def test_pt_online_schema_change(tmp_path, source, oceanbase):
    for server in (source, oceanbase):
        server.drop(DATABASE)
    source.run(f"CREATE DATABASE {DATABASE};\nUSE {DATABASE};\nCREATE TABLE t (id INT PRIMARY KEY, v INT);\n")
    for first in range(0, ROWS, 2000):
        source.query(f"INSERT INTO {DATABASE}.t VALUES " + ",".join(f"({i}, {i})" for i in range(first, first + 2000)))
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{DATABASE}.*")
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    writers = Writers(source)
    try:
        for change in ("ADD COLUMN w INT NOT NULL DEFAULT 7, ADD INDEX v (v)", "DROP COLUMN w, MODIFY v BIGINT"):
            done = subprocess.run(["pt-online-schema-change", "--no-version-check", "--recursion-method=none",
                                   "--chunk-size=500", "--sleep=0.05", "--max-load=Threads_running=500",
                                   "--critical-load=Threads_running=900",
                                   "--execute", "--alter", change,
                                   f"h=127.0.0.1,P={source.port},u=root,D={DATABASE},t=t"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180)
            assert done.returncode == 0, done.stdout
    finally:
        before = writers.done
        writers.stop()
    assert before > 100, "hardly anything was written meanwhile"
    run = following.stop()
    assert run.code == 130, run
    run = project.migrate()
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, DATABASE)
    assert [name for name, in oceanbase.query(f"SHOW TABLES FROM {DATABASE}")] == ["t"]
    assert oceanbase.query("SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = "
                           f"'{DATABASE}' ORDER BY ordinal_position") == (("id", "int"), ("v", "bigint"))
