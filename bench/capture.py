# SPDX-License-Identifier: Apache-2.0
"""Capture: streaming 200 MB of binary log into the Store, against mysqlbinlog."""
import os
import shutil
import subprocess
import sys
import tempfile

import kit

ROWS_PER_ROUND = 100_000
MEGABYTES = 200


def mysqlbinlog(url, start, *more, out):
    lib = kit.MYSQL9 / "usr/lib/x86_64-linux-gnu"
    file, position = start
    return subprocess.run(
        [lib / "ld-linux-x86-64.so.2", "--library-path", f"{lib}:{lib}/mysql/private",
         kit.MYSQL9 / "usr/bin/mysqlbinlog", "--no-defaults", "--read-from-remote-server",
         "-h127.0.0.1", f"-P{kit.port(url)}", "-uroot", "--to-last-log", *more, file], check=True,
        stdout=out)


def log_end(url):
    return kit.query(url, "SHOW BINARY LOG STATUS")[0][:2]


def bench(runs, _rows):
    subprocess.run(["cmake", "--build", kit.GODWIT.parent, "--target", "capture_bench"],
                   check=True, stdout=sys.stderr)
    source = kit.fresh("mysql-9.7")
    kit.prepare_tables(source, 1, ROWS_PER_ROUND)
    kit.query(source, "FLUSH BINARY LOGS")
    state = tempfile.mkdtemp(prefix="godwit-bench-")
    prepared = os.path.join(state, "prepared")
    subprocess.run([kit.CAPTURE_BENCH, "prepare", source, prepared, "sbtest.*"], check=True)
    start = log_end(source)
    end = start
    while end[0] == start[0] and end[1] - start[1] < MEGABYTES << 20:
        kit.query(source, "INSERT INTO sbtest.sbtest1 (k,c,pad) SELECT k,c,pad FROM sbtest.sbtest1 "
                  "LIMIT 2000")
        kit.query(source, "UPDATE sbtest.sbtest1 SET k=k+1 ORDER BY id LIMIT 2000")
        end = log_end(source)
    size = end[1] - start[1]

    def godwit():
        run = os.path.join(state, "run")
        shutil.copytree(prepared, run)
        seconds = kit.Run("stream", source, run, "sbtest.*",
                          program=kit.CAPTURE_BENCH).summary["seconds"]
        shutil.rmtree(run)
        return seconds

    def decoded():
        with open(os.devnull, "wb") as out:
            return kit.timed(lambda: mysqlbinlog(source, start, "-v", "--base64-output=DECODE-ROWS",
                                                 out=out))

    def raw():
        with open(os.devnull, "wb") as out:
            return kit.timed(lambda: mysqlbinlog(source, start, "--raw",
                                                 f"--result-file={state}/raw-", out=out))

    ways = {"godwit: decoded, stored durably": godwit, "mysqlbinlog -v to nowhere": decoded,
            "limit: mysqlbinlog --raw, copied to a file": raw}
    results = kit.alternate(kit.restarted(ways, "mysql-9.7"), runs)
    shutil.rmtree(state)
    return kit.table(f"Capture of {size / 1e6:.0f} MB of MySQL 9 binary log", results,
                     "godwit: decoded, stored durably", round(size / 1e6), "MB")
