# SPDX-License-Identifier: Apache-2.0
"""Runs the real program against the real servers, as a user would."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlparse

import pymysql

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(os.environ.get("GODWIT_PROGRAM", ROOT / "build" / "godwit"))
WAIT_SECONDS = 120


class Server:
    """One database server of the testbed."""

    def __init__(self, name, url):
        self.name, self.url = name, url
        parsed = urlparse(url)
        self.port, self.user = parsed.port, parsed.username or "root"
        self.kind = parsed.scheme

    def connect(self, database=None, autocommit=True):
        return pymysql.connect(host="127.0.0.1", port=self.port, user=self.user, database=database,
                               charset="utf8mb4", autocommit=autocommit, binary_prefix=True)

    def run(self, script, database=None):
        """Runs the statements of a script, ';' at line ends apart."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                for statement in statements(script):
                    try:
                        cursor.execute(statement)
                    except pymysql.Error as error:
                        raise AssertionError(f"{self.name}: {error}: {statement}") from error
        finally:
            connection.close()

    def query(self, sql, *arguments):
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, arguments or None)
                return cursor.fetchall()
        finally:
            connection.close()

    def drop(self, *databases):
        for database in databases:
            self.run(f"SET foreign_key_checks = 0;\nDROP DATABASE IF EXISTS `{database}`;\n")


def statements(script):
    lines = [line for line in script.splitlines() if not line.lstrip().startswith("-- ")]
    return [s.strip().rstrip(";") for s in "\n".join(lines).split(";\n") if s.strip(" ;\n")]


class Run:
    """The end of one run: exit code, JSON events, the summary among them, standard error."""

    def __init__(self, code, out, err):
        self.code, self.err = code, err
        self.events = []
        for line in out.splitlines():
            try:
                self.events.append(json.loads(line))
            except ValueError:
                raise AssertionError(f"not a JSON line on standard output: {line!r}") from None
        for event in self.events:
            if event["event"] in ("error", "blocked"):
                told = event.get("detail", {}).get("error", event)
                assert all(told.get(field) for field in ("code", "cause", "remedy")), f"not explained: {event}"
        last = self.events[-1] if self.events else {}
        self.summary = last if last.get("event") == "summary" else {}

    def __repr__(self):
        return f"exit {self.code}, {self.summary}\n{self.err[-4000:]}"


def config(path, text):
    """The options that give a project a file of settings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return ["--config", path]


class Godwit:
    """One project of the program: its ends, its rules, its state directory."""

    def __init__(self, state, source, destination, *objects, name="p", options=()):
        self.state, self.source, self.destination, self.name = state, source, destination, name
        self.objects = [word for rule in objects for word in ("--objects", rule)]
        self.options = list(options)

    def arguments(self, *more):
        return [str(a) for a in (PROGRAM, "migrate", "--source", self.source.url, "--destination",
                                 self.destination.url, *self.objects, "--name", self.name,
                                 "--state-dir", self.state, "--yes", "--json", *self.options, *more)]

    def start(self, *more, environment=None):
        return subprocess.Popen(self.arguments(*more), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, errors="backslashreplace",
                                env={**os.environ, **(environment or {})})

    def migrate(self, *more, environment=None, timeout=300):
        process = self.start("--stop-when-caught-up", *more, environment=environment)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"not done within {timeout} s: {out[-2000:]} {err[-2000:]}")
        return Run(process.returncode, out, err)

    def other(self, *words, timeout=120, environment=None):
        done = subprocess.run([str(w) for w in (PROGRAM, *words, "--state-dir", self.state)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="backslashreplace",
                              timeout=timeout, env={**os.environ, **(environment or {})})
        return done

    def resolve(self, item, *choice):
        """Answers a blocked item, of which its number or all that is shown is given."""
        number = item["item"] if isinstance(item, dict) else item
        done = self.other("project", "resolve", self.name, number, *choice)
        assert done.returncode == 0, done.stderr

    def show(self):
        done = self.other("project", "show", self.name, "--json")
        try:
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError):
            return {}

    def stage(self, name):
        for stage in self.show().get("stages", []):
            if stage["stage"] == name:
                return stage["status"]
        return ""


class Following:
    """A migration that runs in the background until it is ended."""
    started = []

    def __init__(self, godwit, *more, environment=None):
        self.godwit = godwit
        self.process = godwit.start(*more, environment=environment)
        Following.started.append(self)

    @classmethod
    def end_all(cls):
        """What a failed test left running is killed."""
        for following in cls.started:
            if following.process.poll() is None:
                following.kill()
        cls.started.clear()

    def wait_stage(self, stage, *statuses, seconds=WAIT_SECONDS):
        wait(lambda: self.godwit.stage(stage) in statuses, seconds,
             f"{stage} to be {' or '.join(statuses)}", self.process)

    def stop(self):
        """Ctrl-C; returns the run's end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=WAIT_SECONDS)
        return Run(self.process.returncode, out, err)

    def kill(self):
        self.process.kill()
        self.process.communicate()


def testbed(*words, scratch=None):
    """The script that starts and stops servers."""
    return subprocess.run([sys.executable, ROOT / "testbed" / "testbed.py", *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120,
                          env={**os.environ, **({"GODWIT_SCRATCH": str(scratch)} if scratch else {})})


def peak_memory(process):
    """The most bytes that it has had resident."""
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))


def wait(condition, seconds, what, process=None):
    deadline = time.monotonic() + seconds
    while not condition():
        if process is not None and process.poll() is not None:
            out, err = process.communicate()
            raise AssertionError(f"godwit ended with {process.returncode} while waiting for {what}\n"
                                 f"{out[-2000:]}\n{err[-3000:]}")
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.1)  # the interval of asking


def next_second(server):
    """Until the server's clock shows another second."""
    now = lambda: server.query("SELECT UNIX_TIMESTAMP()")[0][0]
    begun = now()
    wait(lambda: now() > begun, 5, "the next second")
