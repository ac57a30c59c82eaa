# SPDX-License-Identifier: Apache-2.0
"""Memory: the peak of the program while it copies and verifies some rows and ten times as many, while
it follows one transaction of a million changes, and while it copies and follows a row of 64 MB."""
import kit
from full import TABLES

MORE = 10
TYPES = "schema,full,incremental,verification"
BIG_ROW = 64 << 20


def rows_and_transaction(rows, peaks):
    source = kit.fresh("mysql-9.7")
    kit.prepare_tables(source, TABLES, rows)
    with kit.Project(source, kit.fresh("oceanbase"), TYPES) as project:
        run = project.run()
        peaks.setdefault(f"copy and verify {TABLES} × {rows:,} rows", []).append(run.peak_kb)
        with kit.connect(source) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN")
            for i in range(1, TABLES + 1):
                cursor.execute(f"UPDATE sbtest.sbtest{i} SET k=k+1 LIMIT 250000")
            cursor.execute("COMMIT")
        changes = TABLES * min(rows, 250_000)
        run = project.run()
        if run.summary.get("changes", 0) < changes:
            raise SystemExit(f"{run.summary} after {changes} changes")
        peaks.setdefault(f"one transaction of {changes:,} updates, over {TABLES} × {rows:,} rows",
                         []).append(run.peak_kb)


def big_row(peaks):
    source = kit.fresh("mysql-9.7")
    destination = kit.fresh("oceanbase")
    for url in (source, destination):
        kit.query(url, "SET GLOBAL max_allowed_packet=1073741824")
    kit.query(source, "CREATE DATABASE big")
    kit.query(source, "CREATE TABLE big.t (id INT PRIMARY KEY, b LONGBLOB)")
    kit.query(source, f"INSERT INTO big.t VALUES (1, REPEAT('0123456789abcdef', {BIG_ROW // 16}))")
    with kit.Project(source, destination, TYPES, objects="big.*") as project:
        peaks.setdefault("copy and verify a row of 64 MB", []).append(project.run().peak_kb)
        kit.query(source, "UPDATE big.t SET b=CONCAT(SUBSTR(b, 2), 'x')")
        peaks.setdefault("update it", []).append(project.run().peak_kb)


def bench(runs, rows):
    peaks = {}
    for _ in range(runs):
        for count in (rows, MORE * rows):
            rows_and_transaction(count, peaks)
        big_row(peaks)
    lines = ["### Peak memory of godwit (VmHWM)", "", "| work | peak MB |", "|---|---|"]
    for name, values in peaks.items():
        lines.append(f"| {name} | {max(values) / 1024:.0f} |")
    return "\n".join([*lines, "", f"The highest of {runs} run{'s' if runs > 1 else ''}.", ""])
