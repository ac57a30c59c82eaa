# SPDX-License-Identifier: Apache-2.0
"""Full migration: four sysbench tables into the OceanBase engine, against dump-and-load tools and
against what bare connections can push."""
import concurrent.futures
import shutil
import subprocess
import tempfile
from pathlib import Path

import kit

TABLES = 4
PARTS = 4  # of a table, each a file of statements
ROWS_PER_INSERT = 2000
INSERTS_PER_TRANSACTION = 20


def expect_rows(url, rows):
    for i in range(1, TABLES + 1):
        found = kit.query(url, f"SELECT COUNT(*) FROM sbtest.sbtest{i}")[0][0]
        if found != rows:
            raise SystemExit(f"sbtest{i} has {found} rows instead of {rows}")


def write_statements(source, folder, rows):
    """The rows as multi-row INSERTs in transactions, made before any clock runs."""
    for i in range(1, TABLES + 1):
        for part in range(PARTS):
            with kit.connect(source) as connection, connection.cursor() as cursor, \
                    open(file_of(folder, i, part), "w") as out:
                cursor.execute(f"SELECT id,k,c,pad FROM sbtest.sbtest{i} WHERE id > %s AND id <= %s "
                               "ORDER BY id", (rows * part // PARTS, rows * (part + 1) // PARTS))
                out.write("BEGIN;\n")
                for n in range(1, rows):
                    found = cursor.fetchmany(ROWS_PER_INSERT)
                    if not found:
                        break
                    values = ",".join(f"({a},{b},'{c}','{d}')" for a, b, c, d in found)
                    out.write(f"INSERT INTO sbtest{i} (id,k,c,pad) VALUES {values};\n")
                    if n % INSERTS_PER_TRANSACTION == 0:
                        out.write("COMMIT;\nBEGIN;\n")
                out.write("COMMIT;\n")


def file_of(folder, table, part):
    return folder / f"{table}.{part}.sql"


def create_tables(destination, indexes):
    kit.query(destination, "CREATE DATABASE IF NOT EXISTS sbtest")
    for i in range(1, TABLES + 1):
        key = f", KEY k_{i} (k)" if indexes else ""
        kit.query(destination, f"CREATE TABLE sbtest.sbtest{i} (id INT NOT NULL AUTO_INCREMENT, "
                  f"k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '', "
                  f"pad CHAR(60) NOT NULL DEFAULT '', PRIMARY KEY (id){key}) COLLATE utf8mb4_general_ci")


def bench(runs, rows):
    source = kit.fresh("mysql-9.7")
    kit.prepare_tables(source, TABLES, rows)
    folder = Path(tempfile.mkdtemp(prefix="godwit-bench-"))
    write_statements(source, folder, rows)
    expect_rows(source, rows)

    def on_fresh_destination(work):
        def run():
            destination = kit.fresh("oceanbase")
            seconds = work(destination)
            expect_rows(destination, rows)
            return seconds
        return run

    def godwit(destination):
        with kit.Project(source, destination, "schema,full") as project:
            return project.run().seconds

    def mysqldump(destination):
        dump = ["mysqldump", "--no-defaults", "-h127.0.0.1", f"-P{kit.port(source)}", "-uroot",
                "--single-transaction", "--skip-lock-tables", "--databases", "sbtest"]

        def pipe():
            out = subprocess.Popen(dump, stdout=subprocess.PIPE)
            subprocess.run(kit.client(destination), stdin=out.stdout, check=True)
            if out.wait() != 0:
                raise SystemExit("mysqldump failed")
        return kit.timed(pipe)

    def mydumper(destination):
        target = folder / "mydumper"
        shutil.rmtree(target, ignore_errors=True)

        def both():
            for program, url, more in (("mydumper", source, ["-B", "sbtest", "-r", "50000", "-o"]),
                                       ("myloader", destination, ["-d"])):
                subprocess.run([program, "-h", "127.0.0.1", "-P", str(kit.port(url)), "-u", "root",
                                "-t", "4", *more, target], check=True,
                               stdout=subprocess.DEVNULL)
        return kit.timed(both)

    def bare(clients, index, by_part=False):
        """`index`: before the rows, or after each table's while others are loaded.
        `by_part`: the clients load one table after another together, instead of a table each."""
        def run(destination):
            create_tables(destination, indexes=index == "before")
            tables = list(range(1, TABLES + 1))

            def load(i, part):
                kit.together([(kit.client(destination, "sbtest"), file_of(folder, i, part))])

            def load_table(i):
                for part in range(PARTS):
                    load(i, part)
                if index == "each":
                    make_index(i)

            def make_index(i):
                kit.query(destination, "CREATE /*+ PARALLEL(4) */ INDEX "
                          f"k_{i} ON sbtest.sbtest{i} (k)")

            def push():
                with concurrent.futures.ThreadPoolExecutor(clients) as pool, \
                        concurrent.futures.ThreadPoolExecutor(1) as indexer:
                    if by_part:
                        for i in tables:
                            list(pool.map(lambda part, i=i: load(i, part), range(PARTS)))
                            indexer.submit(make_index, i)
                    else:
                        list(pool.map(load_table, tables))
            return kit.timed(push)
        return run

    def expect_indexes(way):
        def run(destination):
            seconds = way(destination)
            found = kit.query(destination, "SELECT COUNT(*) FROM information_schema.statistics "
                              "WHERE table_schema='sbtest' AND column_name='k'")[0][0]
            if found != TABLES:
                raise SystemExit(f"{found} indexes instead of {TABLES}")
            return seconds
        return run

    ways = {"godwit (4 readers)": godwit, "mysqldump \\| mysql": mysqldump,
            "mydumper + myloader (4 threads)": mydumper,
            "bare: 4 clients, table after table, its index while the next is loaded":
                bare(4, "each", by_part=True),
            "bare: 2 clients, a table each, its index while others are loaded": bare(2, "each"),
            "bare: 4 clients, indexes before": bare(4, "before")}
    ways = {name: on_fresh_destination(expect_indexes(way)) for name, way in ways.items()}
    results = kit.alternate(kit.restarted(ways, "mysql-9.7"), runs)
    shutil.rmtree(folder)
    return kit.table(f"Full migration, {TABLES} × {rows:,} rows, MySQL 9 → OceanBase", results,
                     "godwit (4 readers)", TABLES * rows, "rows")
