# SPDX-License-Identifier: Apache-2.0
"""Every scenario folder, all of one kind in one project, each in a database of its own."""
import pytest

import backlog
import cases
import compare
import definitions
import godwit


@pytest.fixture
def project(tmp_path, source, oceanbase):
    def make(selected, options=()):
        for case in selected:
            oceanbase.drop(case.database)
            case.prepare(source)
        rules = [f"{case.database}.*" for case in selected]
        return godwit.Godwit(tmp_path / "state", source, oceanbase, *rules, options=options)
    return make


def differences(source, destination, selected, has_gaps=False):
    here, there = source.connect(), destination.connect()
    out = []
    for case in selected:
        out += compare.databases(here, there, case.database, case.database)
        out += definitions.differences(source, destination, case.database, has_gaps)
    return out


@pytest.mark.parametrize("settings", ["", "defer_indexes = true\n"],
                         ids=["indexes with the table", "indexes after the rows"])
def test_schema(settings, tmp_path, project, source, oceanbase):
    selected = cases.load("schema", source.name)
    assert selected
    run = project(selected, godwit.config(tmp_path / "p.toml", settings)).migrate()
    assert run.code == 0, run
    assert run.summary["status"] == "completed"
    found = differences(source, oceanbase, selected)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("folder", ["ddl", "traps"])
def test_following(folder, project, source, oceanbase):
    selected = cases.load(folder, source.name)
    assert selected
    p = project(selected)
    following = godwit.Following(p)
    try:
        following.wait_stage("incremental", "running")
        for case in selected:
            case.change(source)
    finally:
        end = following.stop()
    assert end.code == 130, end
    run = p.migrate()
    assert run.code == 0, run
    found = differences(source, oceanbase, selected, has_gaps=folder == "traps")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("source", ["mysql97", pytest.param("mysql56", marks=pytest.mark.full),
                                    pytest.param("mariadb", marks=pytest.mark.full)], indirect=True)
def test_traps_merged(tmp_path, source, oceanbase):
    selected = cases.load("traps", source.name)
    backlog.prepare(source, oceanbase)
    for case in selected:
        oceanbase.drop(case.database)
        case.prepare(source)
    p = godwit.Godwit(tmp_path / "state", source, oceanbase, backlog.RULE, *(f"{case.database}.*" for case in selected),
                      options=["--merge"])
    backlog.replay(p, source, oceanbase, lambda: [case.change(source) for case in selected])
    run = p.migrate()
    assert run.code == 0, run
    found = differences(source, oceanbase, selected, has_gaps=True)
    assert not found, "\n".join(found)
    assert not compare.servers(source, oceanbase, backlog.DATABASE)
