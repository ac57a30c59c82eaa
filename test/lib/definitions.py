# SPDX-License-Identifier: Apache-2.0
"""What of a database's definitions must be the same at both ends: columns with their types,
nullability, defaults and comments; keys; views. What engines word differently is brought to one form
first."""
import re

import compare


def rows(server, sql, *arguments):
    return server.query(sql, *arguments)


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def column_type(value):
    value = text(value).lower()
    value = re.sub(r"\b(tinyint|smallint|mediumint|int|bigint|year)\(\d+\)", r"\1", value)
    value = value.replace(" zerofill", "")
    if value.startswith(("enum(", "set(")):
        # One engine prints labels with quotes and backslashes doubled, another as they are.
        value = value.replace("''", "'").replace("\\\\", "\\")
    if vector := re.fullmatch(r"vector\((\d+)\)", value):
        return f"varbinary({int(vector[1]) * 4})"
    return {"geomcollection": "geometrycollection"}.get(value, value)


TEXTS = ["tinytext", "text", "mediumtext", "longtext"]


def is_widened(here, there):
    """A TEXT in another character set may need more bytes in UTF-8."""
    return (here and there and here[0] in TEXTS and there[0] in TEXTS
            and TEXTS.index(there[0]) == TEXTS.index(here[0]) + 1 and here[1:] == there[1:])


def columns(server, database):
    found = rows(server, "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_COMMENT, "
                 "EXTRA FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME IN "
                 "(SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND "
                 "TABLE_TYPE LIKE 'BASE TABLE') ORDER BY TABLE_NAME, ORDINAL_POSITION",
                 database, database)
    return {(t, c.lower()): (column_type(kind), null, text(comment),
                             "auto_increment" in text(extra).lower())
            for t, c, kind, null, comment, extra in found}


def keys(server, database):
    """Table → the set of its keys: unique or not, columns with prefix lengths. Names apart: engines
    name unnamed ones by their own rules."""
    found = rows(server, "SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART FROM "
                 "information_schema.STATISTICS WHERE TABLE_SCHEMA = %s AND INDEX_TYPE IN "
                 "('BTREE', 'HASH') ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX", database)
    out = {}
    for table, index, non_unique, column, prefix in found:
        if column is None:
            continue
        out.setdefault((table, index), [int(non_unique)]).append(
            (column.lower(), None if prefix is None else int(prefix)))
    result = {}
    for (table, _), parts in out.items():
        result.setdefault(table, set()).add(tuple(parts))
    return result


def hidden_indexes(server, database):
    """Those that the server keeps and does not use."""
    column = {"mysql97": "IS_VISIBLE = 'NO'", "oceanbase": "IS_VISIBLE = 'NO'", "mariadb": "IGNORED = 'YES'"}
    if server.name not in column:
        return set()
    return set(rows(server, "SELECT DISTINCT TABLE_NAME, INDEX_NAME FROM information_schema.STATISTICS WHERE "
                    f"TABLE_SCHEMA = %s AND {column[server.name]}", database))


def views(server, database):
    return {row[0] for row in rows(server, "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE "
                                   "TABLE_SCHEMA = %s", database)}


def counters(server, database):
    """Table → the value that the next row gets that brings none."""
    found = {}
    with server.connect().cursor() as cursor:
        cursor.execute("SELECT TABLE_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND EXTRA LIKE "
                       "'%%auto_increment%%'", (database,))
        for table, in cursor.fetchall():
            cursor.execute(f"SHOW CREATE TABLE {compare.quote(database)}.{compare.quote(table)}")
            told = re.search(r"\bAUTO_INCREMENT ?= ?(\d+)", text(cursor.fetchone()[1]))
            found[table] = int(told[1]) if told else 1
    return found


def foreign_keys(server, database):
    return {(t, c.lower(), r, rc.lower()) for t, c, r, rc in rows(
        server, "SELECT TABLE_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME FROM "
        "information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = %s AND "
        "REFERENCED_TABLE_NAME IS NOT NULL", database)}


def differences(source, destination, database, has_gaps=False):
    """`has_gaps`: statements of the source took values of AUTO_INCREMENT that came to no row, which nothing
    logs."""
    out = []
    here, there = columns(source, database), columns(destination, database)
    for key in sorted(here.keys() | there.keys()):
        if here.get(key) != there.get(key) and not is_widened(here.get(key), there.get(key)):
            out.append(f"{database} {key}: {here.get(key)} and {there.get(key)}")
    here, there = keys(source, database), keys(destination, database)
    for table in sorted(here):
        # A foreign key makes an index at some servers and none at others.
        covered = {column for t, column, _, _ in foreign_keys(source, database) if t == table}
        missing = {k for k in here[table] - there.get(table, set())
                   if not (k[0] == 1 and k[1][0] in covered)}
        if missing:
            out.append(f"{database}.{table}: keys {sorted(map(str, missing))} are missing")
    if views(source, database) != views(destination, database):
        out.append(f"{database}: views {views(source, database)} and {views(destination, database)}")
    for view in sorted(views(source, database) & views(destination, database)):
        out += compare.table(source.connect(), destination.connect(), (database, view),
                             (database, view))
    here, there = counters(source, database), counters(destination, database)
    for table in sorted(here):
        # Engines leave out values, none may give one again.
        if there.get(table, 0) < here[table] and not has_gaps:
            out.append(f"{database}.{table}: the next value is {here[table]} and {there.get(table)}")
    if hidden_indexes(source, database) != hidden_indexes(destination, database):
        out.append(f"{database}: hidden indexes {hidden_indexes(source, database)} and "
                   f"{hidden_indexes(destination, database)}")
    if foreign_keys(source, database) != foreign_keys(destination, database):
        out.append(f"{database}: foreign keys {foreign_keys(source, database)} and "
                   f"{foreign_keys(destination, database)}")
    return out
