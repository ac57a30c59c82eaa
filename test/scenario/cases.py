# SPDX-License-Identifier: Apache-2.0
"""Scenario folders: source.sql makes and fills database `d`, changes.sql runs while Godwit follows.
servers.txt, where there is one, names the sources that know these statements."""
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Case:
    def __init__(self, path):
        self.name = path.name
        self.database = f"{path.parent.name}_{path.name}".replace("-", "_")
        self.source = self.text(path / "source.sql")
        self.changes = self.text(path / "changes.sql")
        servers = path / "servers.txt"
        self.servers = servers.read_text().split() if servers.exists() else None

    @staticmethod
    def text(path):
        return path.read_text() if path.exists() else ""

    def runs_on(self, server):
        names = {"mysql97": {"mysql97", "mysql-9.7"}, "mysql56": {"mysql56", "mysql-5.6"},
                 "mariadb": {"mariadb"}}[server]
        return self.servers is None or any(name in names for name in self.servers)

    def prepare(self, server):
        server.drop(self.database)
        server.run(f"CREATE DATABASE `{self.database}`;\n")
        server.run(self.adapted(self.source), self.database)

    def change(self, server):
        server.run(self.adapted(self.changes), self.database)

    def adapted(self, script):
        """The scripts call their database `d`."""
        return (script.replace("`d`.", f"`{self.database}`.").replace(" d.", f" {self.database}.")
                .replace("(d.", f"({self.database}."))


def load(folder, server):
    cases = [Case(path) for path in sorted((HERE / folder).iterdir()) if path.is_dir()]
    return [case for case in cases if case.runs_on(server)]
