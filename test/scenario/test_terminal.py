# SPDX-License-Identifier: Apache-2.0
"""What people see: the live display, the question after precheck, and where nobody looks."""
import json
import os
import pty
import select
import subprocess
import time

import pytest

import godwit

DATABASE = "terminals"


@pytest.fixture
def tables(mysql, oceanbase):
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.a (id INT PRIMARY KEY, v INT);\n"
              f"INSERT INTO {DATABASE}.a VALUES (1, 1), (2, 2), (3, 3);\n")


def project(tmp_path, mysql, oceanbase):
    return godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*")


class Terminal:
    """The program on a terminal of so many columns."""

    def __init__(self, columns, words):
        import fcntl
        import struct
        import termios
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(str(godwit.PROGRAM), [str(w) for w in (godwit.PROGRAM, *words)])
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        self.shown = ""

    def read_until(self, text, seconds=120):
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < deadline, f"no {text!r} in {self.shown[-3000:]}"
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    break
        assert text in self.shown, self.shown[-3000:]

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            if not data:
                break
            self.shown += data.decode(errors="replace")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.master)
        return os.waitstatus_to_exitcode(status)


def asked(p, mysql, columns):
    """A migration on a terminal, where it asks whether to go on."""
    mysql.run(f"CREATE TABLE {DATABASE}.keyless (a INT);\n")  # precheck warns of it
    terminal = Terminal(columns, [w for w in p.arguments()[1:] if w not in ("--yes", "--json")])
    terminal.read_until("Go on? [y/N]")
    return terminal


@pytest.mark.parametrize("columns", [120, 60])
def test_live_display(tmp_path, mysql, oceanbase, tables, columns):
    p = project(tmp_path, mysql, oceanbase)
    terminal = asked(p, mysql, columns)
    terminal.type("y\n")
    terminal.read_until("latency")
    terminal.read_until("verification ")
    assert "█" in terminal.shown
    godwit.wait(lambda: p.stage("verification") == "done", 120, "verification")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert f"godwit project resume {p.name}" in terminal.shown
    assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")  # cursor is back


def test_ctrl_c_at_the_question(tmp_path, mysql, oceanbase, tables):
    p = project(tmp_path, mysql, oceanbase)
    terminal = asked(p, mysql, 100)
    terminal.type("\x03")
    assert terminal.end() == 130
    assert f"godwit project resume {p.name}" in terminal.shown


def test_nobody_reads_what_is_for_people(tmp_path, mysql, oceanbase, tables):
    """With --json it is on standard error, which may be full or closed: the run goes on all the same."""
    words = [str(w) for w in project(tmp_path, mysql, oceanbase).arguments("--stop-when-caught-up")]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=full, stdin=subprocess.DEVNULL, text=True, timeout=120)
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[-1])["status"] == "completed"


def test_no_on_the_terminal_ends_in_3(tmp_path, mysql, oceanbase, tables):
    terminal = asked(project(tmp_path, mysql, oceanbase), mysql, 100)
    terminal.type("n\n")
    assert terminal.end() == 3


def test_plain_lines(tmp_path, mysql, oceanbase, tables):
    """Into a pipe: nothing that only a terminal draws, every stage when it begins and ends, then the summary."""
    words = [word for word in project(tmp_path, mysql, oceanbase).arguments("--stop-when-caught-up")
             if word != "--json"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr
    assert not set("\x1b\r\b█░") & set(done.stdout), done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    stages = ["precheck", "schema", "capture", "full", "indexes", "incremental", "verification"]
    assert [line[0] for line in lines if line[1:2] == ["running"]] == stages, done.stdout
    ended = [line[0] for line in lines if line[1:2] in (["done"], ["stopped"])]
    assert sorted(ended) == sorted(stages), done.stdout
    assert lines[0][0] == "project" and lines[-1][0] == "completed:", done.stdout


def test_events(tmp_path, mysql, oceanbase, tables):
    begin = time.monotonic()
    run = project(tmp_path, mysql, oceanbase).migrate()
    took = time.monotonic() - begin
    assert run.code == 0, run
    assert took / 2 < run.summary["seconds"] < took, (took, run)
    progress = [event for event in run.events if event["event"] == "progress"]
    assert progress and all("flow" in event and "stages" in event for event in progress), run.events
