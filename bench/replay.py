# SPDX-License-Identifier: Apache-2.0
"""Replay: catching up with a backlog of small transactions, against appliers that send the same
changes over as many connections."""
import shutil
import tempfile
from pathlib import Path

import changes
import kit
from full import TABLES

LANES = 4
TRANSACTIONS = 20_000
ROWS = 25_000
TYPES = "schema,full,incremental"


def bench(runs, _rows):
    folder = Path(tempfile.mkdtemp(prefix="godwit-bench-"))
    backlog = folder / "backlog.sql"
    changes.write_source_file(backlog, TRANSACTIONS, ROWS)
    singles = [folder / f"single{i}.sql" for i in range(LANES)]
    merged = [folder / f"merged{i}.sql" for i in range(LANES)]
    groups = [folder / f"group{i}.sql" for i in range(LANES)]
    changes.write_lane_files(singles, TRANSACTIONS, ROWS, 1)
    changes.write_lane_files(groups, TRANSACTIONS, ROWS, 400)

    def prepared():
        source = kit.fresh("mysql-9.7")
        destination = kit.fresh("oceanbase")
        kit.prepare_tables(source, TABLES, ROWS)
        return source, destination

    def godwit(*more):
        def run():
            source, destination = prepared()
            with kit.Project(source, destination, TYPES, *more) as project:
                project.run()
                kit.together([(kit.client(source), backlog)])
                seconds = project.run().seconds
            if not changes.same_rows(source, destination, TABLES):
                raise SystemExit("replay: the sides differ")
            return seconds
        return run

    def pusher(files, write=None):
        def run():
            source, destination = prepared()
            with kit.Project(source, destination, "schema,full") as project:
                project.run()
            kit.together([(kit.client(source), backlog)])
            if write:
                write(files, TRANSACTIONS, ROWS, source)
            seconds = kit.timed(
                lambda: kit.together([(kit.client(destination), path) for path in files]))
            if not changes.same_rows(source, destination, TABLES):
                raise SystemExit("pusher: the sides differ")
            return seconds
        return run

    results = kit.alternate({
        f"godwit ({LANES} lanes)": godwit(),
        f"godwit --merge ({LANES} lanes)": godwit("--merge"),
        f"one statement per change, {LANES} clients": pusher(singles),
        f"the statements in transactions of 400, {LANES} clients": pusher(groups),
        f"limit of merging: ready-made merged statements, {LANES} clients":
            pusher(merged, changes.write_merged_files),
    }, runs)
    shutil.rmtree(folder)
    return kit.table(f"Replay of a backlog of {TRANSACTIONS:,} transactions, MySQL 9 → OceanBase "
                     "(godwit's time includes its start and all checks)", results,
                     f"godwit ({LANES} lanes)", TRANSACTIONS * 4, "changes")
