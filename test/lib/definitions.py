# SPDX-License-Identifier: Apache-2.0
"""What of a database's definitions must be the same at both ends: columns with their types,
nullability, defaults and comments; keys; views. What engines word differently is brought to one form
first."""
import re

import compare


def rows(server, sql, *arguments):
    connection = server.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00'")  # TIMESTAMP defaults are shown in it
            cursor.execute(sql, arguments or None)
            return cursor.fetchall()
    finally:
        connection.close()


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


BLOBS = ["tinyblob", "blob", "mediumblob", "longblob"]


def is_widened(here, there):
    """A TEXT in another character set may need more bytes in UTF-8."""
    return (here and there and here[0] in TEXTS and there[0] in TEXTS
            and TEXTS.index(there[0]) == TEXTS.index(here[0]) + 1 and here[1:] == there[1:])


BASE_TABLES = ("(SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND "
               "TABLE_TYPE LIKE 'BASE TABLE')")


def default(value, kind):
    """One form of what servers print as literals, with and without quotes, and as expressions."""
    if value is None or kind in TEXTS + BLOBS + ["json"]:  # of which one engine takes none
        return None
    value = text(value).replace("\\\\", "\\")
    if len(value) > 1 and value[0] == value[-1] == "'":
        value = value[1:-1].replace("''", "'")
    if value.upper() == "NULL":
        return None
    if re.match(r"(current_timestamp|now|localtime)\b", value, re.I):
        return "now"  # with the column's precision
    if literal := re.fullmatch(r"(b|x)'([0-9a-f]*)'", value, re.I):
        return int(literal[2] or "0", {"b": 2, "x": 16}[literal[1].lower()])
    if "binary" in kind and (literal := re.fullmatch(r"0x((?:[0-9a-f]{2})*)", value, re.I)):
        return bytes.fromhex(literal[1]).decode("latin1")
    if kind == "year" and re.fullmatch(r"\d\d", value):
        return float(("20" if value < "70" else "19") + value)
    if re.match(r"(tinyint|smallint|mediumint|int|bigint|decimal|float|double|year)", kind) and \
            re.fullmatch(r"-?[0-9.]+(e[-+]?\d+)?", value, re.I):
        return float(value)
    value = re.sub(r"[\s`()]|_utf8mb[34]", "", value.replace("\\'", "'")).lower()
    return value.replace("current_timestamp", "now")


def collation(value):
    """How it compares: engines have it under other names."""
    return value and text(value).split("_")[-1].replace("cs", "bin")


def columns(server, database):
    found = rows(server, "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_COMMENT, EXTRA, "
                 "COLUMN_DEFAULT, COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND "
                 f"TABLE_NAME IN {BASE_TABLES} ORDER BY TABLE_NAME, ORDINAL_POSITION", database, database)
    out, shown = {}, {}
    for t, c, kind, null, comment, extra, value, collated in found:
        extra, kind = text(extra).lower(), column_type(kind)
        if kind.startswith("timestamp"):  # one server keeps the words of the session that made it
            if t not in shown:
                shown[t] = text(rows(server, f"SHOW CREATE TABLE {compare.quote(database)}.{compare.quote(t)}")[0][1])
            literal = re.search(rf"^ *`{re.escape(c)}` timestamp.*? DEFAULT '([^']*)'", shown[t], re.M)
            value = literal[1] if literal else value
        is_generated = "virtual" in extra or "stored" in extra or "persistent" in extra
        out[t, c.lower()] = (kind, null, text(comment), "auto_increment" in extra, is_generated,
                             "on update" in extra, None if is_generated else default(value, kind), collation(collated))
    return out


# Characters of four, three and one bytes to which MySQL 5.6 shortens what a key of 767 bytes does not hold, and
# tells nobody but the session.
CUT_KEYS = (191, 255, 767)


def keys(server, database):
    """(Table, name) → kind, then the columns with prefix lengths."""
    found = rows(server, "SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART, INDEX_TYPE, INDEX_COMMENT "
                 "FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s ORDER BY TABLE_NAME, INDEX_NAME, "
                 "SEQ_IN_INDEX", database)
    out = {}
    for table, index, non_unique, column, prefix, kind, comment in found:
        kind = "plain" if text(kind).upper() in ("BTREE", "HASH") else text(kind).lower()
        if column and column.startswith("__cellid"):
            kind = "spatial"
        if server.name == "mysql56" and int(non_unique) and prefix in CUT_KEYS:
            prefix = None
        comment = "" if index == "PRIMARY" else text(comment)  # one engine shows the table's there
        parts = out.setdefault((table, index.lower()), [(int(non_unique), kind, comment)])
        # Those of other kinds have columns of the engine's own, and so have expressions.
        if column and parts[0][1] == "plain" and not column.startswith("SYS_NC"):
            parts.append((column.lower(), None if prefix is None else int(prefix)))
    return out


def tables(server, database):
    return {t: text(comment) for t, comment in rows(
        server, "SELECT TABLE_NAME, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND "
        "TABLE_TYPE LIKE 'BASE TABLE'", database)}


def checks(server, database):
    """Numbered, where the server or the column has named it."""
    named = {(t, c) for t, c in columns(server, database)}
    out, count = set(), {}
    for table, name in sorted(rows(server, "SELECT TABLE_NAME, CONSTRAINT_NAME FROM "
                                   "information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA = %s AND CONSTRAINT_TYPE = "
                                   "'CHECK'", database)):
        if "_OBCHECK_" in name or (table, name.lower()) in named or re.search(r"_chk_\d+$", name):
            count[table] = name = count.get(table, 0) + 1
        out.add((table, name))
    return out


def bound(value):
    value = re.sub(r"\s", "", text(value))
    return re.sub(r"_binary0x([0-9a-f]*)", lambda found: f"'{bytes.fromhex(found[1]).decode()}'", value, flags=re.I)


def partitions(server, database):
    found = rows(server, "SELECT TABLE_NAME, PARTITION_NAME, SUBPARTITION_NAME, PARTITION_METHOD, "
                 "PARTITION_DESCRIPTION FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = %s AND PARTITION_NAME "
                 "IS NOT NULL", database)
    # There is no LINEAR at one engine, which also lists values in its own order.
    return {(t, p.lower(), sub and sub.lower(), text(method).upper().replace("LINEAR ", ""),
             tuple(sorted(bound(to).split(","))) if to else None) for t, p, sub, method, to in found}


def foreign_key_rules(server, database):
    found = rows(server, "SELECT TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE, UPDATE_RULE FROM "
                 "information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = %s", database)
    return {tuple(text(part).replace("NO ACTION", "RESTRICT") for part in row) for row in found}


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
    for key in sorted(here.keys() | there.keys()):
        # A foreign key makes an index at some servers and none at others.
        covered = {column for t, column, _, _ in foreign_keys(source, database) if t == key[0]}
        is_of_foreign_key = key in here and key not in there and here[key][0][0] == 1 and here[key][1][0] in covered
        if here.get(key) != there.get(key) and not is_of_foreign_key:
            out.append(f"{database} index {key}: {here.get(key)} and {there.get(key)}")
    for of in (tables, checks, partitions, foreign_key_rules):
        here, there = of(source, database), of(destination, database)
        if of is partitions:  # one engine cannot take them away: a last one has room for all rows
            there = {one for one in there if one[0] in {table for table, *_ in here}}
        if here != there:
            differ = sorted(map(str, set(here.items() if isinstance(here, dict) else here) ^
                                set(there.items() if isinstance(there, dict) else there)))
            out.append(f"{database} {of.__name__}: {differ}")
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
