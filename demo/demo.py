# SPDX-License-Identifier: Apache-2.0
"""A live migration on this machine: MySQL, written to all the while, into the OceanBase engine.

Starts both servers, makes and fills a shop, keeps writing to it, runs `godwit migrate` through all
stages, stops the writer, measures the latency at rest, and asks Godwit and then a plain comparison of
its own whether both sides are equal. Exit code 0 only if they are.
"""
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import shop

ROOT = Path(__file__).resolve().parent.parent
GODWIT = ROOT / "build" / "godwit"
sys.path.insert(0, str(ROOT / "test" / "lib"))
import compare  # noqa: E402

SCRATCH = Path(os.environ.get("GODWIT_SCRATCH", "/tmp/godwit-testbed")) / "demo"
STATE = SCRATCH / "state"
NAME = "demo"
STAGE_SECONDS = 150
LATENCY_SAMPLES = 40


def say(text):
    print(f"\n== {text}", flush=True)


def servers():
    environment = {**os.environ, "GODWIT_SCRATCH": str(SCRATCH)}
    lines = subprocess.run([sys.executable, ROOT / "testbed" / "testbed.py", "fresh", "mysql-9.7",
                            "oceanbase"], env=environment, check=True, stdout=subprocess.PIPE,
                           text=True).stdout.split("\n")
    return dict(line.split() for line in lines if line)


def stop_servers():
    environment = {**os.environ, "GODWIT_SCRATCH": str(SCRATCH)}
    subprocess.run([sys.executable, ROOT / "testbed" / "testbed.py", "down"], env=environment)


def command(urls, *more):
    return [GODWIT, "migrate", "--source", urls["mysql-9.7"], "--destination", urls["oceanbase"],
            "--objects", "shop.*", "--name", NAME, "--state-dir", STATE, "--yes", *more]


def project():
    """What a second process sees of the running project."""
    done = subprocess.run([GODWIT, "project", "show", NAME, "--state-dir", STATE, "--json"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        return json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {}


def wait_for(condition, process, what):
    deadline = time.monotonic() + STAGE_SECONDS
    while True:
        value = condition()
        if value:
            return value
        if process.poll() is not None:
            raise SystemExit(f"godwit ended with {process.returncode} while waiting for {what}")
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {STAGE_SECONDS} s")
        time.sleep(0.2)  # the interval of asking


def is_verified():
    stages = {stage["stage"]: stage["status"] for stage in project().get("stages", [])}
    return stages.get("verification") == "done"


def latency(source, destination):
    """Milliseconds from a commit at the source until a plain client sees it at the destination."""
    writer, reader = source.cursor(), destination.cursor()
    samples = []
    for n in range(LATENCY_SAMPLES):
        writer.execute("INSERT INTO shop.markers VALUES (%s, NOW(6))", (n,))
        begin = time.monotonic()
        while True:
            reader.execute("SELECT 1 FROM shop.markers WHERE id = %s", (n,))
            if reader.fetchone():
                break
            if time.monotonic() - begin > 30:
                raise SystemExit("a change did not reach the destination within 30 s")
        samples.append((time.monotonic() - begin) * 1000)
    return statistics.median(samples)


def main():
    shutil.rmtree(STATE, ignore_errors=True)
    say("starting MySQL and the OceanBase engine")
    urls = servers()
    ports = {name: int(url.rsplit(":", 1)[1]) for name, url in urls.items()}
    try:
        return run(urls, ports["mysql-9.7"], ports["oceanbase"])
    finally:
        stop_servers()


def run(urls, source_port, destination_port):
    say("filling the shop")
    shop.create(source_port)
    writer = shop.Writer(source_port)
    writer.start()
    begin = time.monotonic()
    say("migrating, while the shop goes on selling: " +
        " ".join(str(c) for c in ["godwit", *command(urls)[1:]]))
    migration = subprocess.Popen([str(c) for c in command(urls)])
    try:
        wait_for(is_verified, migration, "verification")
        writer.stop()
        source, destination = shop.connect(source_port), shop.connect(destination_port)
        median = latency(source, destination)
    except BaseException:
        migration.kill()
        raise
    migration.send_signal(signal.SIGINT)
    if migration.wait(timeout=60) != 130:
        raise SystemExit(f"godwit ended with {migration.returncode} after Ctrl-C")
    say("the writer has stopped: once more to the end, and verified")
    last = subprocess.run([str(c) for c in command(urls, "--stop-when-caught-up", "--json")],
                          stdout=subprocess.PIPE, text=True)
    summary = json.loads(last.stdout.strip().splitlines()[-1])
    differences = compare.databases(source, destination, "shop", "shop")
    return verdict(last.returncode, summary, differences,
                   {"written": writer.transactions, "latency": median, "seconds": time.monotonic() - begin})


def verdict(code, summary, differences, figures):
    """Of Godwit's last run and of the independent comparison: 0 only if all was copied, replayed and equal."""
    for difference in differences[:20]:
        print("DIFFERENT:", difference)
    is_equal = (code == 0 and summary["status"] == "completed" and summary["rows"] > 0 and
                summary["changes"] > 0 and summary["inconsistent"] == 0 and not differences)
    say("verdict")
    print(f"  rows copied        {summary['rows']}\n"
          f"  changes replayed   {summary['changes']}  ({figures['written']} transactions written)\n"
          f"  tables             {summary['tables']}\n"
          f"  inconsistent rows  {summary['inconsistent']} (godwit), {len(differences)} "
          f"(independent comparison)\n"
          f"  latency at rest    {figures['latency']:.0f} ms (median of {LATENCY_SAMPLES})\n"
          f"  time               {figures['seconds']:.0f} s\n"
          f"  {'EQUAL: both sides hold the same rows' if is_equal else 'NOT EQUAL'}", flush=True)
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
