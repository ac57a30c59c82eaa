# SPDX-License-Identifier: Apache-2.0
"""Migrations of which one table is being copied, for long enough to change others or itself meanwhile."""
import sqlite3

import compare
import definitions
import godwit

DATABASE = "overtaken"
# `large` goes first and takes some seconds; what is smaller in bytes follows.
LARGE = ("CREATE TABLE large (id INT PRIMARY KEY, v VARCHAR(200));\n"
         "SET SESSION cte_max_recursion_depth = 100000;\n"
         "INSERT INTO large WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) "
         "SELECT i, REPEAT('x', 150) FROM n;\nANALYZE TABLE large;\n")
SLOW = "[limits]\nrows_per_second = 4000\nchunk_bytes = 100000\n"


class Copy:
    """A migration of which `large` is being copied."""

    def __init__(self, tmp_path, mysql, oceanbase, script, there="", options=()):
        self.mysql, self.oceanbase = mysql, oceanbase
        mysql.drop(DATABASE)
        oceanbase.drop(DATABASE)
        mysql.run(f"CREATE DATABASE {DATABASE};\n")
        mysql.run(LARGE + script, DATABASE)
        oceanbase.run(f"CREATE DATABASE {DATABASE} DEFAULT CHARACTER SET utf8mb4;\n")
        oceanbase.run(there, DATABASE)
        self.project = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*",
                                     options=[*godwit.config(tmp_path / "p.toml", SLOW), *options])

    def start(self, table="large", rows=1000):
        self.run = godwit.Following(self.project)
        godwit.wait(lambda: self.count(table) > rows, 60, f"rows of {table}", self.run.process)

    def start_behind(self, *tables):
        """Starts, and waits until the place in the log is known where the tables' copies end."""
        self.run = godwit.Following(self.project)
        godwit.wait(lambda: all(map(self.is_copied, tables)), 60, f"the copy of {tables}", self.run.process)

    def is_copied(self, table):
        found = [path for path in self.project.state.rglob("godwit.db")]
        if not found:
            return False
        with sqlite3.connect(f"file:{found[0]}?mode=ro", uri=True) as journal:
            try:
                return journal.execute("SELECT COUNT(*) FROM journal WHERE stage = 'full' AND object = ? AND "
                                       "status = 'done'", (f"{DATABASE}.{table}",)).fetchone()[0] == 1
            except sqlite3.Error:
                return False  # not made yet

    def count(self, table):
        try:
            return self.oceanbase.query(f"SELECT COUNT(*) FROM {DATABASE}.{table}")[0][0]
        except godwit.pymysql.Error:
            return 0  # not made yet

    def change(self, script):
        assert self.project.stage("full") == "running"
        self.mysql.run(script, DATABASE)

    def finish(self):
        self.run.wait_stage("incremental", "running", seconds=120)
        end = self.run.stop()
        assert end.code == 130, end
        run = self.project.migrate()
        assert run.code == 0, run
        assert not compare.servers(self.mysql, self.oceanbase, DATABASE)
        assert not definitions.differences(self.mysql, self.oceanbase, DATABASE)


def cascading(tmp_path, source, oceanbase, script, rows):
    """A migration from a source that logs no cascades, to be started. 300 rows of each of `rows`, but of `last`,
    which keeps the copy busy."""
    copy = Copy.__new__(Copy)
    copy.mysql, copy.oceanbase = source, oceanbase
    for server in (source, oceanbase):
        server.drop(DATABASE)
    source.run(f"CREATE DATABASE {DATABASE} DEFAULT CHARSET utf8mb4;\nUSE {DATABASE};\n" + script)
    for table, row in rows.items():
        for first in range(0, 9000 if table == "last" else 300, 300):
            source.query(f"INSERT INTO {DATABASE}.{table} VALUES " + ",".join(
                row.format(i) for i in range(first, first + 300)))
        source.query(f"ANALYZE TABLE {DATABASE}.{table}")
    copy.project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{DATABASE}.*",
                                 options=godwit.config(tmp_path / "p.toml", SLOW))
    return copy
