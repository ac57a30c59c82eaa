# SPDX-License-Identifier: Apache-2.0
"""A load of random transactions over random tables with every type, reproducible by its seed."""
import random
import struct
import threading

import pymysql

# Of more members than a byte has numbers, or bits.
LABELS = ",".join(f"'label {n}'" for n in range(300))
MEMBERS = ",".join(f"'m{n}'" for n in range(20))
# column type → how to make a value; what a server does not know is left out by `every_type_of`.
TYPES = {
    "TINYINT": lambda r: r.randint(-128, 127),
    "SMALLINT UNSIGNED": lambda r: r.randint(0, 65535),
    "MEDIUMINT": lambda r: r.randint(-8388608, 8388607),
    "INT": lambda r: r.randint(-2 ** 31, 2 ** 31 - 1),
    "INT UNSIGNED": lambda r: r.randint(0, 4294967295),
    "INT(8) UNSIGNED ZEROFILL": lambda r: r.randint(0, 4294967295),
    "BIGINT UNSIGNED": lambda r: r.randint(0, 2 ** 64 - 1),
    "BIGINT": lambda r: r.randint(-2 ** 63, 2 ** 63 - 1),
    "DECIMAL(30,10)": lambda r: f"{r.randint(-10 ** 18, 10 ** 18)}.{r.randint(0, 10 ** 9)}",
    "DECIMAL(65,30)": lambda r: f"{r.choice(['', '-'])}{r.randint(0, 10 ** 35 - 1)}.{r.randint(0, 10 ** 30 - 1):030}",
    "DECIMAL(5,0)": lambda r: r.randint(-99999, 99999),
    "FLOAT": lambda r: r.choice([0.1, 16777216, -3.5, r.uniform(-1e6, 1e6), 1e-20]),
    "DOUBLE": lambda r: r.choice([0.1, 1e300, -1e-300, r.uniform(-1e9, 1e9)]),
    "BIT(12)": lambda r: r.randint(0, 4095),
    "BIT(64)": lambda r: r.getrandbits(64),
    "YEAR": lambda r: r.choice([0, 1901, 2024, 2155]),
    "DATE": lambda r: r.choice(["0000-00-00", "2024-02-29", f"{r.randint(1000, 9999)}-0{r.randint(1, 9)}-1{r.randint(0, 9)}"]),
    "TIME": lambda r: f"{r.randint(-838, 838)}:{r.randint(10, 59)}:{r.randint(10, 59)}",
    "TIME(2)": lambda r: r.choice(["-838:59:59", "838:59:59", f"{r.randint(-800, 800)}:{r.randint(10, 59)}:{r.randint(10, 59)}.{r.randint(0, 99)}"]),
    "DATETIME": lambda r: f"{r.randint(1000, 9999)}-0{r.randint(1, 9)}-1{r.randint(0, 9)} 0{r.randint(0, 9)}:00:{r.randint(10, 59)}",
    "DATETIME(6)": lambda r: f"20{r.randint(10, 99)}-0{r.randint(1, 9)}-1{r.randint(0, 9)} 1{r.randint(0, 9)}:{r.randint(10, 59)}:{r.randint(10, 59)}.{r.randint(0, 999999)}",
    "TIMESTAMP NULL DEFAULT NULL": lambda r: f"20{r.randint(10, 37)}-0{r.randint(1, 9)}-1{r.randint(0, 9)} 00:00:0{r.randint(0, 9)}",
    "TIMESTAMP(6) NULL DEFAULT NULL": lambda r: f"20{r.randint(10, 37)}-0{r.randint(1, 9)}-1{r.randint(0, 9)} 00:00:00.{r.randint(0, 999999):06}",
    "CHAR(12)": lambda r: text(r, 12),
    "VARCHAR(200)": lambda r: text(r, 200),
    "VARCHAR(50) CHARACTER SET latin1": lambda r: "".join(r.choice("aZäß é'\\\"") for _ in range(r.randint(0, 50))),
    "VARCHAR(50) CHARACTER SET gbk": lambda r: "".join(r.choice("a Z漢字 é'\\\"") for _ in range(r.randint(0, 50))),
    "VARCHAR(50) CHARACTER SET sjis": lambda r: "".join(r.choice("a Zカナ漢表ソ'") for _ in range(r.randint(0, 50))),
    "CHAR(30) CHARACTER SET ucs2": lambda r: text(r, 30).replace("😀", ""),
    "VARCHAR(50) CHARACTER SET utf16": lambda r: text(r, 50),
    "TEXT": lambda r: text(r, 3000),
    "BINARY(7)": lambda r: r.randbytes(r.randint(0, 7)),
    "VARBINARY(60)": lambda r: r.randbytes(r.randint(0, 60)),
    "BLOB": lambda r: r.randbytes(r.randint(0, 5000)),
    "ENUM('a','b','','ü')": lambda r: r.choice(["a", "b", "", "ü"]),
    "ENUM(%s)" % LABELS: lambda r: r.randint(1, 300),
    "SET('x','y','z')": lambda r: r.randint(0, 7),
    "SET(%s)" % MEMBERS: lambda r: r.getrandbits(20),
    "JSON": lambda r: r.choice(['{"b": [1, 2.50, null], "a": "ü"}', "[]", '"x"', "12345678901234567890", "true",
                                '{"n": %d, "deep": {"k": [%d]}}' % (r.randint(0, 9), r.randint(0, 99))]),
}
# Those that Alterations makes no key of.
OTHER_TYPES = {
    "TINYTEXT": lambda r: text(r, 60),
    "MEDIUMTEXT": lambda r: text(r, 100) + "ä" * seldom_long(r),
    "LONGTEXT": lambda r: text(r, 100) + "ä" * seldom_long(r),
    "TINYBLOB": lambda r: r.randbytes(r.randint(0, 255)),
    "MEDIUMBLOB": lambda r: r.randbytes(r.randint(0, 200) + seldom_long(r)),
    "LONGBLOB": lambda r: r.randbytes(r.randint(0, 200) + seldom_long(r)),
    "POINT": lambda r: struct.pack("<IBI", 0, 1, 1) + point(r),
    "GEOMETRY": lambda r: geometry(r),
    "VECTOR(3)": lambda r: struct.pack("<3f", *(r.uniform(-9, 9) for _ in range(3))),
}
TYPES |= OTHER_TYPES


def text(r, limit):
    return "".join(r.choice("abc XYZ äöü 漢字 😀 '\"\\\n\t%_") for _ in range(r.randint(0, limit)))


def seldom_long(r):
    """Beyond what the smaller types hold; of many such columns a row of MySQL 5.6 would not hold the beginnings."""
    return 70_000 if r.random() < 0.01 else 0


def point(r):
    return struct.pack("<dd", r.uniform(-1e6, 1e6), r.uniform(-1e6, 1e6))


def geometry(r):
    """As servers keep it: the SRID, then WKB."""
    points = [point(r) for _ in range(r.randint(1, 5))]
    if len(points) == 1:
        return struct.pack("<IBI", 0, 1, 1) + points[0]
    return struct.pack("<IBII", 0, 1, 2, len(points)) + b"".join(points)


UNKNOWN = {"mysql56": {"JSON", "VECTOR(3)"}, "mariadb": {"VECTOR(3)"}}


def every_type_of(server):
    return [name for name in TYPES if name not in UNKNOWN.get(server.name, ())]


def types_of(server):
    """Those of columns that Alterations adds. MariaDB's JSON is a LONGTEXT with a check of its own."""
    return [name for name in every_type_of(server)
            if name not in OTHER_TYPES and not (name == "JSON" and server.name == "mariadb")]


KEYS = ["id BIGINT NOT NULL, n INT DEFAULT 7, amount DECIMAL(20,4) NOT NULL DEFAULT 0, moment DATETIME(6) NOT NULL DEFAULT "
        "'2024-01-01 00:00:00', bytes VARBINARY(8) NOT NULL DEFAULT 'x', PRIMARY KEY (amount, moment, bytes, id), KEY plain (id)",
        "id BIGINT NOT NULL, k VARCHAR(20) CHARACTER SET utf8 NOT NULL DEFAULT 'k', PRIMARY KEY (k, id), KEY plain (id)",
        "id BIGINT NOT NULL, u INT DEFAULT NULL, c VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci DEFAULT "
        "NULL, PRIMARY KEY (id), UNIQUE KEY u (u), UNIQUE KEY c (c)",
        "id BIGINT NOT NULL, UNIQUE KEY id (id)",
        "id BIGINT NOT NULL, KEY plain (id)",
        "id BIGINT NOT NULL, u INT DEFAULT NULL, w VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL, "
        "PRIMARY KEY (id), UNIQUE KEY wu (w(2), u)",
        "id BIGINT NOT NULL, u INT DEFAULT NULL, g INT AS (u DIV 2) STORED, PRIMARY KEY (id), UNIQUE KEY g (g)"]
# column of a unique key → how to make its value out of so many
KEY_VALUES = {"amount": lambda r, ids: f"{r.randint(-9, 9)}.{r.choice(['5', '50', '0001'])}",
              "moment": lambda r, ids: f"2024-01-01 00:00:0{r.randint(0, 9)}.{r.choice(['', '5', '000001'])}",
              "bytes": lambda r, ids: r.choice([b"", b"\0", b"x", b"x ", b"\xff\0"]),
              "k": lambda r, ids: r.choice(["k", "K", "kä", "k ", ""]),
              "c": lambda r, ids: r.choice([None, r.choice("aAäÄ ß") + str(r.randint(0, ids)) + r.choice(["", " "])]),
              "u": lambda r, ids: r.choice([None, r.randint(0, ids)]),
              "w": lambda r, ids: r.choice([None, "".join(r.choice("ab") for _ in range(r.randint(0, 5)))])}


def keys_of(server):
    """MySQL 5.6 has no generated columns."""
    return [key for key in KEYS if server.name != "mysql56" or " AS (" not in key]


class Table:
    def __init__(self, r, number, server, types):
        self.name = f"t{number}"
        keys = keys_of(server)
        self.key = keys[number % len(keys)]
        self.key_columns = [name for name in KEY_VALUES if f" {name} " in self.key]
        self.columns = [(f"c{i}", kind) for i, kind in enumerate(types)]

    def create(self):
        columns = "".join(f", `{name}` {kind}" for name, kind in self.columns)
        return f"CREATE TABLE {self.name} ({self.key}{columns}) CHARACTER SET utf8mb4"

    def values(self, r):
        return [None if r.random() < 0.1 else TYPES[kind](r) for _, kind in self.columns]


class Load(threading.Thread):
    """One client: random transactions until stopped (or `transactions` of them)."""

    def __init__(self, server, database, tables, seed, transactions=None, ids=4000,
                 tolerated=()):
        super().__init__(name=f"load-{seed}", daemon=True)  # one that fails keeps nothing alive
        self.server, self.database, self.tables, self.ids = server, database, tables, ids
        self.tolerated = {1062, 1205, 1213, *tolerated}  # clash, lock wait, deadlock
        self.random = random.Random(seed)
        self.transactions, self.limit = 0, transactions
        self.stopped = threading.Event()
        self.error = None

    def connect(self):
        connection = self.server.connect(self.database, autocommit=False)
        with connection.cursor() as cursor:
            cursor.execute("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'")
        return connection

    def run(self):
        connection = None
        try:
            connection = self.connect()
            while not self.stopped.is_set() and (self.limit is None or self.transactions < self.limit):
                try:
                    self.transaction(connection)
                except pymysql.Error as error:
                    connection = self.after(error, connection)
        except Exception as error:
            self.error = error
            if connection:  # its locks would hold up all that comes after
                connection.close()

    def after(self, error, connection):
        """The connection to go on with."""
        if error.args[0] in self.tolerated:
            try:
                connection.rollback()
                return connection
            except pymysql.Error as also:
                error = also
        if error.args[0] in (0, 2003, 2006, 2013):  # the server was killed
            return self.reconnect()
        raise error

    def reconnect(self):
        while not self.stopped.is_set():
            try:
                return self.connect()
            except pymysql.Error:
                self.stopped.wait(0.2)
        return None

    def stop(self):
        self.stopped.set()
        self.join()
        if self.error:
            raise self.error

    def transaction(self, connection):
        r = self.random
        with connection.cursor() as cursor:
            for _ in range(r.choice([1, 1, 1, 2, 5, 30])):
                self.change(cursor, r.choice(self.tables))
        if r.random() < 0.05:
            connection.rollback()
        else:
            connection.commit()
            self.transactions += 1

    def change(self, cursor, table):
        r = self.random
        id = r.randint(0, self.ids)
        kind = r.random()
        if kind < 0.45:
            names = ["id", *table.key_columns, *(name for name, _ in table.columns)]
            values = [id, *(KEY_VALUES[name](r, self.ids) for name in table.key_columns), *table.values(r)]
            cursor.execute(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES "
                           f"({', '.join(['%s'] * len(values))})", values)
        elif kind < 0.75:
            name, type_ = r.choice(table.columns)
            cursor.execute(f"UPDATE {table.name} SET `{name}` = %s WHERE id BETWEEN %s AND %s",
                           (TYPES[type_](r), id, id + r.choice([0, 0, 0, 20])))
        elif kind < 0.82:
            cursor.execute(f"UPDATE {table.name} SET id = %s WHERE id = %s",
                           (r.randint(0, self.ids), id))
        elif kind < 0.88 and table.key_columns:
            name = r.choice(table.key_columns)
            cursor.execute(f"UPDATE {table.name} SET {name} = %s WHERE id = %s",
                           (KEY_VALUES[name](r, self.ids), id))
        elif kind < 0.97:
            cursor.execute(f"DELETE FROM {table.name} WHERE id = %s", (id,))
        else:
            cursor.execute(f"DELETE FROM {table.name} WHERE id BETWEEN %s AND %s", (id, id + 50))


def size(tables, loads, run):
    """Of a run, as a report quotes it."""
    kinds = {kind for table in tables for _, kind in table.columns}
    return (f"{len(tables)} tables, {len(kinds)} of {len(TYPES)} types, {run.summary['rows']} rows copied, "
            f"{sum(client.transactions for client in loads)} transactions, {run.summary['changes']} changes")


def stop_all(loads):
    """All are told to stop before the first error of any is raised."""
    for client in loads:
        client.stopped.set()
    for client in loads:
        client.stop()


def prepare(server, database, seed, count, rows=1500):
    """Makes `count` random tables and some rows in each."""
    r = random.Random(seed)
    server.drop(database)
    server.run(f"CREATE DATABASE {database};\n")
    types = every_type_of(server)
    r.shuffle(types)  # each is in one of them at least
    tables = [Table(r, n, server, types[n::count] + r.sample(types, r.randint(0, 2))) for n in range(count)]
    connection = server.connect(database)
    with connection.cursor() as cursor:
        cursor.execute("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'")
        for table in tables:
            cursor.execute(table.create())
    connection.close()
    filler = Load(server, database, tables, seed + 1, transactions=rows // 10)
    filler.run()
    if filler.error:
        raise filler.error
    return tables
