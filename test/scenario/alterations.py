# SPDX-License-Identifier: Apache-2.0
"""A client that alters the tables of a load at random while that goes on: columns come, go and move, get
other names, defaults and indexes; tables are emptied, copied, swapped and dropped."""
import random
import threading

import pymysql

import load


class Alterations(threading.Thread):
    """Touches none of the columns that the load names. `pause` lies between two statements, in seconds."""

    def __init__(self, server, database, tables, seed, pause=0.3):
        super().__init__(name="alterations", daemon=True)
        self.server, self.database, self.pause = server, database, pause
        self.random = random.Random(seed)
        self.tables = [table.name for table in tables]
        self.columns = {name: {} for name in self.tables}  # those added here: name → type
        self.indexes = {name: [] for name in self.tables}
        self.extra = []  # tables made here
        self.number = 0
        self.statements = []
        self.stopped = threading.Event()
        self.error = None

    def run(self):
        try:
            connection = self.server.connect(self.database)
            with connection.cursor() as cursor:
                cursor.execute("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'")
                while not self.stopped.wait(self.pause):
                    self.step(cursor)
            connection.close()
        except Exception as error:
            self.error = error

    def stop(self):
        self.stopped.set()
        self.join()
        if self.error:
            raise self.error

    def step(self, cursor):
        kinds = [(self.add_column, 6), (self.fill, 6), (self.drop_column, 2), (self.change_column, 3),
                 (self.set_default, 2), (self.add_index, 3), (self.drop_index, 1), (self.comment, 1),
                 (self.truncate, 1), (self.copy_table, 1), (self.swap, 1), (self.drop_table, 1)]
        kind = self.random.choices([k for k, _ in kinds], [weight for _, weight in kinds])[0]
        kind(cursor, self.random.choice(self.tables))

    def name(self, prefix):
        self.number += 1
        return f"{prefix}{self.number}"

    def execute(self, cursor, statement, arguments=None):
        """True unless it met a deadlock, waited too long for a lock, or met a value that another client took
        for a moment (MySQL manual, "Online DDL Failure Conditions"): then it was not done."""
        try:
            cursor.execute(statement, arguments)
        except pymysql.Error as error:
            if error.args[0] in (1062, 1205, 1213):
                return False
            raise AssertionError(f"{error}: {statement}") from error
        self.statements.append(statement)
        return True

    def add_column(self, cursor, table):
        kind, name = self.random.choice(load.types_of(self.server)), self.name("x")
        where = self.random.choice(["", " FIRST", " AFTER id"])
        if self.execute(cursor, f"ALTER TABLE {table} ADD COLUMN {name} {kind}{where}"):
            self.columns[table][name] = kind

    def any_column(self, table):
        return self.random.choice(list(self.columns[table]) or [None])

    def fill(self, cursor, table):
        column = self.any_column(table)
        if column:
            value = load.TYPES[self.columns[table][column]](self.random)
            self.execute(cursor, f"UPDATE {table} SET {column} = %s WHERE id %% 3 = %s",
                         (value, self.random.randrange(3)))

    def is_indexed(self, table, column):
        return any(column == of for _, of in self.indexes[table])

    def drop_column(self, cursor, table):
        column = self.any_column(table)
        if column and not self.is_indexed(table, column):
            if self.execute(cursor, f"ALTER TABLE {table} DROP COLUMN {column}"):
                del self.columns[table][column]

    def change_column(self, cursor, table):
        column = self.any_column(table)
        if column and not self.is_indexed(table, column):
            kind, name = self.columns[table][column], self.name("x")
            if self.execute(cursor, f"ALTER TABLE {table} CHANGE COLUMN {column} {name} {kind}"):
                del self.columns[table][column]
                self.columns[table][name] = kind

    def set_default(self, cursor, table):
        column = self.any_column(table)
        if column and self.columns[table][column] in ("BIGINT", "MEDIUMINT", "DECIMAL(30,10)", "VARCHAR(200)"):
            self.execute(cursor, f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT '{self.number}'")

    def add_index(self, cursor, table):
        column = self.any_column(table)
        if not column or self.columns[table][column] == "JSON":
            return
        length = "(10)" if self.columns[table][column] in ("TEXT", "BLOB") else ""
        name = self.name("k")
        if self.execute(cursor, f"ALTER TABLE {table} ADD KEY {name} ({column}{length})"):
            self.indexes[table].append((name, column))

    def drop_index(self, cursor, table):
        if self.indexes[table]:
            index = self.random.choice(self.indexes[table])
            if self.execute(cursor, f"DROP INDEX {index[0]} ON {table}"):
                self.indexes[table].remove(index)

    def comment(self, cursor, table):
        self.execute(cursor, f"ALTER TABLE {table} COMMENT = 'the {self.number}th ä'")

    def truncate(self, cursor, table):
        self.execute(cursor, f"TRUNCATE TABLE {table}")

    def copy_table(self, cursor, table):
        name = self.name("copy")
        if self.execute(cursor, f"CREATE TABLE {name} LIKE {table}"):
            self.extra.append(name)
            self.execute(cursor, f"INSERT INTO {name} SELECT * FROM {table}")

    def swap(self, cursor, table):
        """As tools for online changes do it: the copy takes the table's place."""
        name = self.name("swap")
        if not self.execute(cursor, f"CREATE TABLE {name} LIKE {table}"):
            return
        self.execute(cursor, f"INSERT INTO {name} SELECT * FROM {table}")
        if self.execute(cursor, f"RENAME TABLE {table} TO {name}_old, {name} TO {table}"):
            self.extra.append(f"{name}_old")
        else:
            self.extra.append(name)

    def drop_table(self, cursor, _):
        if self.extra:
            table = self.random.choice(self.extra)
            if self.execute(cursor, f"DROP TABLE {table}"):
                self.extra.remove(table)
