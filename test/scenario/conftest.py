# SPDX-License-Identifier: Apache-2.0
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import godwit  # noqa: E402

# A further worker has servers of its own.
own = f"GODWIT_{os.environ.get('PYTEST_XDIST_WORKER', 'gw0').upper()}_"
os.environ.update({"GODWIT_" + name[len(own):]: value for name, value in os.environ.items()
                   if name.startswith(own)})

SOURCES = {"mysql97": "GODWIT_TEST_MYSQL97_URL", "mysql56": "GODWIT_TEST_MYSQL56_URL",
           "mariadb": "GODWIT_TEST_MARIADB_URL"}


def pytest_addoption(parser):
    parser.addoption("--tier", default="quick", choices=["quick", "full", "soak"])
    parser.addoption("--minutes", default="30", help="of the soak")


def pytest_configure(config):
    config.addinivalue_line("markers", "full: only in the long tier")
    config.addinivalue_line("markers", "soak: only in the soak")


def pytest_collection_modifyitems(config, items):
    tier = config.getoption("--tier")
    kept = []
    for item in items:
        is_soak = item.get_closest_marker("soak") is not None
        is_full = item.get_closest_marker("full") is not None
        if is_soak == (tier == "soak") and not (is_full and tier == "quick"):
            kept.append(item)
    # The longest begins first, so that no worker waits for it at the end.
    kept.sort(key=lambda item: "random_kills" not in item.name)
    items[:] = kept


def pytest_terminal_summary(terminalreporter):
    """How large what has passed was: quoted by reports."""
    for report in terminalreporter.getreports("passed"):
        for _, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid.split('::')[-1]}: {value}")


def server(variable, name):
    url = os.environ.get(variable)
    assert url, f"{variable} is not set: run the tests through ./dev test"
    return godwit.Server(name, url)


@pytest.fixture(autouse=True)
def nothing_left_running():
    yield
    godwit.Following.end_all()


@pytest.fixture(scope="session")
def tier(request):
    return request.config.getoption("--tier")


@pytest.fixture(scope="session")
def mysql():
    return server(SOURCES["mysql97"], "mysql97")


@pytest.fixture(scope="session", params=list(SOURCES))
def source(request):
    return server(SOURCES[request.param], request.param)


@pytest.fixture(scope="session")
def oceanbase():
    return server("GODWIT_TEST_OCEANBASE_URL", "oceanbase")
