# SPDX-License-Identifier: Apache-2.0
"""When indexes are made: with a small table, after the rows of a large one, or as the settings say."""
import json
import re

import pytest

import compare
import definitions
import godwit

DATABASE = "indexed"


@pytest.fixture
def tables(mysql, oceanbase):
    for server in (mysql, oceanbase):
        server.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\n"
              f"CREATE TABLE {DATABASE}.small (id INT PRIMARY KEY, k INT, KEY k (k));\n"
              f"CREATE TABLE {DATABASE}.large (id INT PRIMARY KEY, k INT, pad VARCHAR(10000), KEY k (k));\n"
              "SET SESSION cte_max_recursion_depth = 10000;\n"
              f"INSERT INTO {DATABASE}.large WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
              "WHERE i < 2500) SELECT i, i % 7, REPEAT('x', 10000) FROM n;\n"
              f"INSERT INTO {DATABASE}.small SELECT id, k FROM {DATABASE}.large;\n"
              f"ANALYZE TABLE {DATABASE}.large;\n")
    yield
    for server in (mysql, oceanbase):
        server.drop(DATABASE)


def shown(p, table):
    """What `project ddl` says of a table and of each of its indexes."""
    done = p.other("project", "ddl", p.name, table, "--json")
    assert done.returncode == 0, done.stderr
    return {line["object"]: line for line in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("settings, with_table", [
    ("", {"small"}), ("defer_indexes = true\n", set()), ("defer_indexes = false\n", {"small", "large"})])
def test_when_indexes_are_made(settings, with_table, tmp_path, mysql, oceanbase, tables):
    p = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*",
                      options=godwit.config(tmp_path / "p.toml", settings))
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, DATABASE)
    assert not definitions.differences(mysql, oceanbase, DATABASE)
    for table in (f"{DATABASE}.small", f"{DATABASE}.large"):
        entries = shown(p, table)
        created = entries[table]["converted"]
        assert ("KEY `k` (`k`)" in created) == (table.split(".")[1] in with_table), created
        if "false" in settings:
            assert list(entries) == [table], entries
            continue
        index = entries[f"{table} k"]
        assert (index["kind"], index["status"]) == ("index", "done"), index
        quoted = table.replace(".", "`.`")
        assert re.fullmatch(rf"ALTER (/\*\+ PARALLEL\(\d+\) \*/ )?TABLE `{quoted}` ADD KEY `k` \(`k`\);\s*",
                            index["converted"]), index
