# SPDX-License-Identifier: Apache-2.0
"""The demo as a stranger runs it, without a terminal: its verdict, and what it promises about time."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parent.parent.parent / "demo" / "demo.py"


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
