# SPDX-License-Identifier: Apache-2.0
"""A database that is followed, and altered while nobody reads its log."""
import compare
import definitions
import godwit

HERE = "following"


def fresh(source, oceanbase, script):
    source.drop(HERE)
    oceanbase.drop(HERE)
    source.run(f"CREATE DATABASE {HERE} DEFAULT CHARACTER SET utf8mb4;\n")
    source.run(script, HERE)


def project(tmp_path, source, oceanbase, *options, rule="*"):
    p = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{HERE}.{rule}", options=options)
    run = p.migrate()
    assert run.code == 0, run
    return p


def behind(p, source, script):
    """The script runs while nobody reads its log; the end of the run that meets it."""
    source.run(script, HERE)
    return p.migrate()


def resolve(p, *choice):
    items = p.show()["blocked"]
    assert len(items) == 1, items
    p.resolve(items[0]["item"], *choice)


def same(source, oceanbase):
    assert not compare.servers(source, oceanbase, HERE)
    assert not definitions.differences(source, oceanbase, HERE)
