# SPDX-License-Identifier: Apache-2.0
"""The demo as a stranger runs it, without a terminal: its verdict, and what it promises about time."""
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parent.parent.parent / "demo" / "demo.py"
GOOD = {"status": "completed", "rows": 300_000, "changes": 2000, "tables": 8, "inconsistent": 0}


@pytest.fixture
def demo(monkeypatch):
    monkeypatch.syspath_prepend(str(DEMO.parent))
    return importlib.import_module("demo")


@pytest.mark.parametrize("code, wrong, differences, expected", [
    (0, {}, [], 0),
    (4, {}, [], 1),
    (0, {"status": "completed_unverified"}, [], 1),
    (0, {"rows": 0}, [], 1),
    (0, {"changes": 0}, [], 1),
    (0, {"inconsistent": 1}, [], 1),
    (0, {}, ["customers: only in the source (1x): (7,)"], 1),
])
def test_verdict(demo, capsys, code, wrong, differences, expected):
    """What Godwit does not see, the independent comparison does."""
    end = demo.verdict(code, GOOD | wrong, differences, {"written": 900, "latency": 20, "seconds": 60})
    assert end == expected
    assert ("NOT EQUAL" in capsys.readouterr().out) == bool(expected)


@pytest.mark.full
def test_demo():
    done = subprocess.run([sys.executable, str(DEMO)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=400)
    assert done.returncode == 0 and "EQUAL: both sides" in done.stdout, done.stdout[-3000:]

    def figure(name):
        return int(re.search(name + r" +(\d+)", done.stdout).group(1))

    assert figure("rows copied") > 300_000
    assert figure("changes replayed") > 1000
    assert figure("inconsistent rows") == 0
    assert figure("latency at rest") <= 200, "milliseconds"
    assert figure("  time ") < 180, "seconds"
