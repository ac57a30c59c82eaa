# SPDX-License-Identifier: Apache-2.0
"""What the testbed promises: servers that only this machine reaches, and no process stopped but its own."""
import json
import os
import subprocess
import sys

import pytest

import godwit

LISTENS = "0A"  # of the fourth column in /proc/net/tcp
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}


def running():
    return dict(line.split(" ", 1) for line in godwit.testbed("list").stdout.splitlines())


def listening():
    """(address, port) of every socket that listens, addresses as the kernel writes them."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            next(lines)
            for line in lines:
                fields = line.split()
                if fields[3] == LISTENS:
                    address, port = fields[1].split(":")
                    yield address, int(port, 16)


def test_servers_listen_on_this_machine_alone():
    ports = {json.loads(path.read_text())["port"]: path.stem
             for path in (godwit.Path(os.environ["GODWIT_SCRATCH"])).glob("*.json")}
    assert len(ports) >= 5, ports
    found = {port: address for address, port in listening() if port in ports}
    assert found.keys() == ports.keys()
    for port, address in found.items():
        assert address in LOOPBACK, f"{ports[port]} listens on {address}"


def test_up_again_changes_nothing():
    before = running()
    assert len(before) >= 5, before
    names = list(before)
    again = godwit.testbed("up", *names)
    assert again.returncode == 0 and "starting" not in again.stderr, again.stderr
    assert dict(line.split(" ", 1) for line in again.stdout.splitlines()) == before


@pytest.mark.parametrize("is_its_own", [True, False])
def test_only_its_own_processes_are_stopped(tmp_path, is_its_own):
    """A number may have gone to another process since: the time of its start tells."""
    other = subprocess.Popen(["sleep", "600"])
    try:
        with open(f"/proc/{other.pid}/stat") as stat:
            started = int(stat.read().rsplit(")", 1)[1].split()[19])
        (tmp_path / "mysql-9.7.json").write_text(json.dumps(
            {"pid": other.pid, "started": started if is_its_own else started - 1, "port": 1}))
        done = godwit.testbed("down", scratch=tmp_path)
        assert done.returncode == 0 and ("stopped mysql-9.7" in done.stderr) == is_its_own, done.stderr
        assert (other.poll() is None) != is_its_own
    finally:
        other.kill()
        other.wait()
