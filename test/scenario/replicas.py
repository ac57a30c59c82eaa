# SPDX-License-Identifier: Apache-2.0
"""A server of a test's own that replicates a source of the testbed."""
import contextlib

import pymysql
import pytest

import godwit

WITH_GTIDS = pytest.mark.parametrize("source", ["mysql97", "mariadb"], indirect=True)


class Replica(godwit.Server):
    """A server that has all of the source's transactions from now on."""

    def __init__(self, source, scratch):
        kind = "mysql-9.7-replica" if source.name == "mysql97" else "mariadb-replica"
        self.scratch = scratch
        started = godwit.testbed("up", kind, scratch=scratch)
        assert started.returncode == 0, started.stderr
        super().__init__(source.name, started.stdout.split()[1])
        self.source, self.is_mysql = source, source.name == "mysql97"
        if self.is_mysql:
            executed = source.query("SELECT @@GLOBAL.gtid_executed")[0][0]
            self.run(f"RESET BINARY LOGS AND GTIDS;\nSET GLOBAL gtid_purged = '{executed}';\n"
                     f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {source.port}, "
                     "SOURCE_USER = 'root', GET_SOURCE_PUBLIC_KEY = 1, SOURCE_AUTO_POSITION = 1;\n")
        else:
            source.run("RESET MASTER;\n")  # without other tests' domains
            self.run("RESET MASTER;\nSET GLOBAL gtid_slave_pos = '';\n"
                     f"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {source.port}, "
                     "MASTER_USER = 'root', MASTER_USE_GTID = slave_pos;\n")
        self.follow()

    def follow(self):
        self.run("START REPLICA;\n")

    def promote(self):
        self.run("STOP REPLICA;\n")

    def lag(self):
        """Seconds, or None where it does not replicate."""
        connection = self.connect()
        with contextlib.closing(connection), connection.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute("SHOW REPLICA STATUS")
            return cursor.fetchone()["Seconds_Behind_Source" if self.is_mysql else "Seconds_Behind_Master"]

    def catch_up(self):
        if self.is_mysql:
            wanted = self.source.query("SELECT @@GLOBAL.gtid_executed")[0][0]
            assert self.query("SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, 60)", wanted) == ((0,),)
        else:
            wanted = self.source.query("SELECT @@GLOBAL.gtid_binlog_pos")[0][0]
            assert self.query("SELECT MASTER_GTID_WAIT(%s, 60)", wanted) == ((0,),)


@contextlib.contextmanager
def replica_of(source, scratch):
    try:
        yield Replica(source, scratch)
    finally:
        godwit.testbed("down", scratch=scratch)
