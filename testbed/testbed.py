# SPDX-License-Identifier: Apache-2.0
"""Starts and stops private database servers for tests: up, down, list, kill, start, fresh, install.

Standard output has one line per instance, `NAME URL`; everything else goes to standard error. A
state file per instance remembers pid, start time and port; only a process that still matches it is
ever stopped.
"""
import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import servers
from servers import SCRATCH, say

FIRST_PORT = 34000
STOP_SECONDS = 10  # then it is killed, which none of them minds


def state_path(name):
    return SCRATCH / f"{name}.json"


def load(name):
    try:
        return json.loads(state_path(name).read_text())
    except (OSError, ValueError):
        return {}


def save(name, state):
    SCRATCH.mkdir(parents=True, exist_ok=True)
    state_path(name).write_text(json.dumps(state))


def start_time(pid):
    """Start of a process in clock ticks since boot, None if there is none (or only a zombie)."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def is_running(state):
    pid = state.get("pid")
    return bool(pid) and start_time(pid) == state.get("started")


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(name):
    known = load(name).get("port")
    if known:  # others know it by this port: it is free again in a moment
        deadline = time.monotonic() + 20
        while not is_free(known) and time.monotonic() < deadline:
            time.sleep(0.1)  # the interval of asking
        if is_free(known):
            return known
    taken = {load(n).get("port") for n in servers.KINDS}
    port = FIRST_PORT
    while port in taken or not is_free(port):
        port += 1
    return port


def answers(port):
    """Whether a server greets on this port and lets root in."""
    import pymysql
    try:
        connection = pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=5)
    except Exception:
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone()[0] == 1
    except Exception:
        return False
    finally:
        connection.close()


@contextlib.contextmanager
def alone():
    """One testbed of the machine starts a server at a time: a port is free until it is bound."""
    with open(os.path.join(tempfile.gettempdir(), "godwit-testbed.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def launch(name):
    server = servers.server(name)
    server.install()
    with alone():
        start_on_free_port(name, server)


def start_on_free_port(name, server):
    port = choose_port(name)
    server.prepare(port)
    for left in ("sock", "sock.lock"):  # of one that was killed and may still be a zombie
        (server.directory / left).unlink(missing_ok=True)
    log = open(server.directory / "server.log", "ab")
    process = subprocess.Popen([str(c) for c in server.command(port)], stdin=subprocess.DEVNULL,
                               stdout=log, stderr=log, env=server.environment(),
                               cwd=server.working_directory(), start_new_session=True)
    save(name, {"pid": process.pid, "started": start_time(process.pid), "port": port})
    deadline = time.monotonic() + server.ready_seconds
    while not answers(port):
        if process.poll() is not None:
            raise SystemExit(f"{name} ended with {process.returncode}; see {log.name}")
        if time.monotonic() > deadline:
            raise SystemExit(f"{name} is not ready after {server.ready_seconds} s; see {log.name}")
        time.sleep(0.1)  # the interval of asking
    server.after_start(port)


def stop(name, with_signal=signal.SIGTERM):
    state = load(name)
    if not is_running(state):
        return False
    os.kill(state["pid"], with_signal)
    deadline = time.monotonic() + STOP_SECONDS
    while is_running(state):
        try:
            os.waitpid(state["pid"], os.WNOHANG)
        except ChildProcessError:
            pass
        if time.monotonic() > deadline:
            os.kill(state["pid"], signal.SIGKILL)
            deadline += STOP_SECONDS
        time.sleep(0.05)
    return True


def up(names):
    for name in names:
        if not (is_running(load(name)) and answers(load(name)["port"])):
            stop(name, signal.SIGKILL)
            say(f"starting {name}")
            launch(name)
        print(name, servers.server(name).url(load(name)["port"]), flush=True)


def fresh(names):
    for name in names:
        stop(name, signal.SIGKILL)
        shutil.rmtree(servers.server(name).directory, ignore_errors=True)
    up(names)


def main():
    parser = argparse.ArgumentParser(prog="dev testbed", description=__doc__)
    parser.add_argument("action",
                        choices=["up", "down", "list", "kill", "start", "fresh", "install"])
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(servers.KINDS))
    arguments = parser.parse_args()
    names = arguments.names
    for name in names:
        servers.server(name)
    action = arguments.action
    if action in ("up", "start"):
        up(names or ["mysql-9.7", "mysql-5.6", "mariadb", "oceanbase"])
    elif action == "fresh":
        fresh(names)
    elif action == "install":
        for name in names or servers.KINDS:
            servers.server(name).install()
    elif action == "list":
        for name in servers.KINDS:
            state = load(name)
            if is_running(state):
                print(name, servers.server(name).url(state["port"]))
    else:
        for name in names or servers.KINDS:
            if stop(name, signal.SIGKILL if action == "kill" else signal.SIGTERM):
                say(f"stopped {name}")


if __name__ == "__main__":
    sys.exit(main())
