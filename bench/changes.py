# SPDX-License-Identifier: Apache-2.0
"""A write-only workload like sysbench's with every statement known: two updates, a delete and an
insert of the same row per transaction. The same changes can be given to the source and, as plain
statements, to a destination."""
import random

import kit

MERGED_ROWS = 1000  # of one statement


def transactions(count, rows, seed=1):
    """Yields (table, [statement, …]) per transaction; statements hold all values."""
    pick = random.Random(seed)

    def text(groups):
        return "-".join(f"{pick.randrange(10**11):011d}" for _ in range(groups))
    for _ in range(count):
        table = f"sbtest.sbtest{pick.randrange(4) + 1}"
        first, second, third = (pick.randrange(rows) + 1 for _ in range(3))
        k = pick.randrange(rows)
        yield table, [
            (first, f"UPDATE {table} SET k={k} WHERE id={first}"),
            (second, f"UPDATE {table} SET c='{text(10)}' WHERE id={second}"),
            (third, f"DELETE FROM {table} WHERE id={third}"),
            (third, f"INSERT INTO {table} (id,k,c,pad) VALUES "
                    f"({third},{k},'{text(10)}','{text(5)}')"),
        ]


def write_source_file(path, count, rows):
    with open(path, "w") as out:
        for _, statements in transactions(count, rows):
            out.write("BEGIN;\n" + ";\n".join(sql for _, sql in statements) + ";\nCOMMIT;\n")


def write_lane_files(paths, count, rows, statements_per_transaction):
    """The changes spread over lanes by row, so that each row's changes keep their order."""
    lanes = [open(path, "w") for path in paths]
    held = [0] * len(lanes)
    for table, statements in transactions(count, rows):
        for key, sql in statements:
            lane = hash((table[-1], key)) % len(lanes)
            if statements_per_transaction > 1 and held[lane] == 0:
                lanes[lane].write("BEGIN;\n")
            lanes[lane].write(sql + ";\n")
            held[lane] += 1
            if statements_per_transaction > 1 and held[lane] == statements_per_transaction:
                lanes[lane].write("COMMIT;\n")
                held[lane] = 0
    for lane, count_left in zip(lanes, held):
        if statements_per_transaction > 1 and count_left:
            lane.write("COMMIT;\n")
        lane.close()


def write_merged_files(paths, count, rows, source):
    """What the changes come to, as `source` has it after them: each changed row once, in as few statements
    as can be."""
    touched = {}
    for table, statements in transactions(count, rows):
        touched.setdefault(table, set()).update(key for key, _ in statements)
    lanes = [open(path, "w") for path in paths]
    for table, keys in touched.items():
        found = kit.query(source, f"SELECT id,k,c,pad FROM {table} ORDER BY id")
        changed = [row for row in found if row[0] in keys]
        for n, first in enumerate(range(0, len(changed), MERGED_ROWS)):
            part = changed[first:first + MERGED_ROWS]
            lanes[n % len(lanes)].write(
                f"BEGIN;\nDELETE FROM {table} WHERE id IN ({','.join(str(row[0]) for row in part)});\n"
                f"INSERT INTO {table} (id,k,c,pad) VALUES "
                + ",".join(f"({a},{b},'{c}','{d}')" for a, b, c, d in part) + ";\nCOMMIT;\n")
    for lane in lanes:
        lane.close()


def same_rows(source, destination, tables):
    """Whether both sides have the same rows: sums of checksums over all columns."""
    return all(len({kit.query(url, "SELECT COUNT(*), SUM(CRC32(CONCAT_WS('#',id,k,c,pad))) FROM "
                              f"sbtest.sbtest{i}") for url in (source, destination)}) == 1
               for i in range(1, tables + 1))
