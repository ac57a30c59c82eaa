# SPDX-License-Identifier: Apache-2.0
"""What every bench needs: fresh servers, the program under test, peers, medians and tables."""
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlparse

import pymysql

ROOT = Path(__file__).resolve().parent.parent
GODWIT = Path(os.environ.get("GODWIT_BIN", ROOT / "build" / "godwit"))
CAPTURE_BENCH = GODWIT.parent / "capture_bench"
MYSQL9 = Path(os.environ.get("GODWIT_CACHE", Path.home() / ".cache/godwit")) / "mysql-9"
SCRATCH = Path(os.environ.get("GODWIT_SCRATCH", "/tmp/godwit-testbed")) / "bench"
PEERS = {"sysbench": "sysbench", "mydumper": "mydumper", "pt-table-checksum": "percona-toolkit"}


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def install_peers():
    missing = [package for program, package in PEERS.items() if not shutil.which(program)]
    if missing:
        say("installing", *missing)
        subprocess.run(["apt-get", "-qq", "-y", "--no-install-recommends", "install", *missing],
                       check=True, stdout=sys.stderr,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def testbed(action, *names):
    """Runs the testbed over the bench's own scratch directory; returns {name: url}."""
    out = subprocess.run([sys.executable, ROOT / "testbed/testbed.py", action, *names], check=True,
                         stdout=subprocess.PIPE, text=True,
                         env={**os.environ, "GODWIT_SCRATCH": str(SCRATCH)}).stdout
    return dict(line.split() for line in out.splitlines() if " " in line)


def fresh(name):
    say(f"  fresh {name}")
    url = testbed("fresh", name)[name]
    if name == "oceanbase":
        await_phase()
    return url


def restarted(ways, *names):
    """The ways, each beginning with these servers started anew over what they hold; they come back
    on their ports. What is timed begins after that."""
    def beginning(way):
        def run():
            say("  restart", *names)
            testbed("down", *names)
            testbed("up", *names)
            if "oceanbase" in names:
                await_phase()
            return way()
        return run
    return {name: beginning(way) for name, way in ways.items()}


# The OceanBase engine works for some seconds after it has started, and looks every ten for what there is
# to compact: whether a way of seven seconds meets that depends on when it begins.
ENGINE_PERIOD = 10
phase = 0.0  # of this period; alternate() gives all ways of a run the same one, and each run its own


def await_phase():
    """Until the engine has come to rest after its start, and then to the phase."""
    started = time.monotonic()
    while True:
        before = server_cpu_seconds("oceanbase")
        time.sleep(1)  # the interval of looking
        if server_cpu_seconds("oceanbase") - before < 0.1:
            break
    age = time.monotonic() - started
    time.sleep((phase * ENGINE_PERIOD - age) % ENGINE_PERIOD)


def server_cpu_seconds(name):
    """CPU time of a server of this testbed since it was started."""
    pid = json.loads((SCRATCH / f"{name}.json").read_text())["pid"]
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def port(url):
    return urlparse(url).port


def connect(url, **options):
    return pymysql.connect(host="127.0.0.1", port=port(url), user="root", autocommit=True,
                           **options)


def query(url, sql):
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def client(url, *arguments):
    """The plain command line client, without any file of settings."""
    return ["mysql", "--no-defaults", "-h127.0.0.1", f"-P{port(url)}", "-uroot", *arguments]


def prepare_tables(url, tables, rows, database="sbtest"):
    """sysbench's tables, in a collation every tool and server here knows."""
    query(url, f"CREATE DATABASE {database} COLLATE utf8mb4_general_ci")
    subprocess.run(["sysbench", "oltp_write_only", "--db-driver=mysql", "--mysql-host=127.0.0.1",
                    f"--mysql-port={port(url)}", "--mysql-user=root", f"--mysql-db={database}",
                    f"--tables={tables}", f"--table-size={rows}", f"--threads={min(tables, 4)}",
                    "prepare"], check=True, stdout=subprocess.DEVNULL)


def timed(work):
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def together(commands):
    """Runs commands at once; each may be (command, path of its input). All must succeed."""
    running = []
    for command in commands:
        command, source = command if isinstance(command, tuple) else (command, None)
        stdin = open(source, "rb") if source else subprocess.DEVNULL
        running.append((command, subprocess.Popen(command, stdin=stdin,
                                                  stdout=subprocess.DEVNULL)))
    for command, process in running:
        if process.wait() != 0:
            raise SystemExit(f"{command[0]} ended with {process.returncode}")


class Run:
    """One run of the program: seconds of wall time, peak memory, events, the summary."""
    highest_kb = 0  # of all runs since the last table

    def __init__(self, *arguments, allow=(0,), program=GODWIT):
        with tempfile.TemporaryFile("w+") as out:
            begin = time.monotonic()
            process = subprocess.Popen([str(program), *map(str, arguments)], stdout=out,
                                       stdin=subprocess.DEVNULL)
            self.peak_kb = 0
            while process.poll() is None:
                self.peak_kb = max(self.peak_kb, peak_of(process.pid))
                time.sleep(0.05)  # the interval of looking; the peak never falls
            self.seconds = time.monotonic() - begin
            Run.highest_kb = max(Run.highest_kb, self.peak_kb)
            out.seek(0)
            self.events = [json.loads(line) for line in out if line.startswith("{")]
        self.summary = self.events[-1] if self.events else {}
        if process.returncode not in allow:
            raise SystemExit(f"{program.name} {' '.join(map(str, arguments))} ended with "
                             f"{process.returncode}: {self.events[-3:]}")

    def stage_field(self, stage, field):
        """The last that a stage has told of this."""
        return [e[field] for e in self.events if e.get("event") == "stage" and e["stage"] == stage][-1]


def peak_of(pid):
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


class Project:
    """A migration project with a state directory of its own, gone with the object."""

    def __init__(self, source, destination, types, *more, objects="sbtest.*"):
        self.state = tempfile.mkdtemp(prefix="godwit-bench-")
        self.arguments = ["migrate", "--source", source, "--destination", destination, "--objects",
                          objects, "--types", types, "--state-dir", self.state, "--yes", "--json",
                          "--stop-when-caught-up", *more]

    def run(self, **options):
        return Run(*self.arguments, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.state, ignore_errors=True)


def alternate(ways, runs):
    """Runs every way `runs` times in turn, in another order each time: {name: [seconds, …]}."""
    global phase
    results = {name: [] for name in ways}
    for i in range(runs):
        phase = i / runs
        order = list(ways)
        random.Random(i).shuffle(order)
        for name in order:
            say(f"run {i + 1} of {runs}: {name}")
            results[name].append(ways[name]())
            say(f"  {results[name][-1]:.2f} s")
    return results


def table(title, results, base, work, unit):
    """A markdown table: median, spread, rate and the ratio of medians to `base`."""
    lines = [f"### {title}", "", f"| way | median s | min–max s | {unit}/s | against {base} |",
             "|---|---|---|---|---|"]
    reference = statistics.median(results[base])
    for name, seconds in results.items():
        median = statistics.median(seconds)
        lines.append(f"| {name} | {median:.2f} | {min(seconds):.2f}–{max(seconds):.2f} | "
                     f"{work / median:,.0f} | {median / reference:.2f}× the time |")
    runs = len(results[base])
    peak, Run.highest_kb = Run.highest_kb, 0
    return "\n".join([*lines, "", f"{runs} alternating run{'s' if runs > 1 else ''} each, "
                                  f"{os.cpu_count()} cores; {work:,} {unit}. Godwit's highest peak "
                                  f"of memory: {peak / 1024:.0f} MB.", ""])
