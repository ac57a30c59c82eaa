# SPDX-License-Identifier: Apache-2.0
"""An independent full comparison of two databases over plain clients. Knows nothing of Godwit's own
verifier: it reads every row of both sides and compares them as multisets."""
import json
import struct
from collections import Counter


def tables(connection, database):
    cursor = connection.cursor()
    cursor.execute("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND "
                   "TABLE_TYPE LIKE 'BASE TABLE'", (database,))
    return sorted(row[0] for row in cursor.fetchall())


def columns(connection, database, table):
    """Name and data type of every column, in table order; lower case type."""
    cursor = connection.cursor()
    cursor.execute("SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_SET_NAME FROM "
                   "information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s "
                   "ORDER BY ORDINAL_POSITION", (database, table))
    return [(name, kind.lower(), charset) for name, kind, charset in cursor.fetchall()]


def quote(name):
    return "`" + name.replace("`", "``") + "`"


def expression(name, kind):
    """What to read so that both servers give the value exactly."""
    column = quote(name)
    if kind == "float":
        return f"{column} * 1e0"  # the text of a FLOAT loses digits, an addition the sign of -0
    if kind == "year":  # MariaDB's may be of two digits
        return f"IF(LENGTH({column}) = 2, IF({column} + 0 < 70, 2000, 1900), 0) + {column}"
    if kind in ("date", "datetime", "timestamp", "time"):
        return f"CAST({column} AS CHAR)"  # zero dates, hours beyond a day
    if kind in ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
                "multipolygon", "geomcollection", "geometrycollection"):
        return f"CONCAT(ST_SRID({column}), ':', HEX(ST_AsBinary({column})))"
    if kind == "vector":  # a VARBINARY of the same bytes at the destination
        return f"CAST({column} AS BINARY)"
    if kind in ("enum", "set"):
        return f"CONCAT({column} + 0, ':', {column})"
    return column


def normal(value, kind):
    if value is None:
        return None
    if kind == "json":
        return json.dumps(json.loads(value, parse_float=lambda text: ["float", float(text)]),
                          sort_keys=True)
    if kind == "float":
        return struct.pack("f", float(value))
    if kind == "double":
        return struct.pack("d", float(value))
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    return str(value)


def rows(connection, database, table, names):
    """Counter of the table's rows over these columns."""
    from pymysql.cursors import SSCursor
    kinds = {name: kind for name, kind, _ in columns(connection, database, table)}
    select = ", ".join(expression(name, kinds[name]) for name in names)
    cursor = connection.cursor(SSCursor)
    cursor.execute("SET time_zone = '+00:00'")
    cursor.execute(f"SELECT {select} FROM {quote(database)}.{quote(table)}")
    found = Counter()
    for row in cursor:
        found[tuple(normal(value, kinds[name]) for name, value in zip(names, row))] += 1
    cursor.close()
    return found


def table(source, destination, source_name, destination_name):
    """Differences of one table as readable lines; `…_name` is (database, table)."""
    label = ".".join(source_name)
    source_columns = columns(source, *source_name)
    destination_columns = columns(destination, *destination_name)
    names = [name for name, _, _ in source_columns]
    if [n.lower() for n in names] != [n.lower() for n, _, _ in destination_columns]:
        return [f"{label}: columns {names} and {[n for n, _, _ in destination_columns]}"]
    if not names:
        return []
    here = rows(source, *source_name, names)
    there = rows(destination, *destination_name, [n for n, _, _ in destination_columns])
    out = [f"{label}: only in the source ({n}x): {row}" for row, n in (here - there).items()]
    out += [f"{label}: only in the destination ({n}x): {row}" for row, n in (there - here).items()]
    return out


def databases(source, destination, source_database, destination_database):
    here, there = tables(source, source_database), tables(destination, destination_database)
    out = [f"{name}: not at the destination" for name in here if name not in there]
    out += [f"{name}: not at the source" for name in there if name not in here]
    for name in here:
        if name in there:
            out += table(source, destination, (source_database, name), (destination_database, name))
    return out


def servers(source, destination, *names):
    """Differences of these databases, which have one name on both servers."""
    here, there = source.connect(), destination.connect()
    return [line for name in names for line in databases(here, there, name, name)]
