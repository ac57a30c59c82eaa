# SPDX-License-Identifier: Apache-2.0
"""Random schemas over all types, random transactions, Godwit following: then an independent full
comparison of both sides. The seed is printed; GODWIT_SEED repeats a run."""
import os
import time

import pytest

import alterations
import compare
import definitions
import godwit
import load

SECONDS = {"quick": 40, "full": 300}
ALTERATIONS = {"quick": 25, "full": 300}


@pytest.mark.parametrize("options", [(), ("--merge",)], ids=["whole", "merged"])
def test_differential(tmp_path, source, oceanbase, tier, options, record_property):
    seed = int(os.environ.get("GODWIT_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}")
    database = "random_load"
    oceanbase.drop(database)
    tables = load.prepare(source, database, seed, 8)
    clients = [load.Load(source, database, tables, seed * 10 + n) for n in range(3)]
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*", options=options)
    following = godwit.Following(project)
    try:
        for client in clients:
            client.start()
        following.wait_stage("verification", "done", seconds=SECONDS[tier] + 240)
        end = time.monotonic() + SECONDS[tier] / 4
        godwit.wait(lambda: time.monotonic() > end, SECONDS[tier], "the load", following.process)
    finally:
        load.stop_all(clients)
    assert following.stop().code == 130
    run = project.migrate()
    assert run.code == 0, f"seed {seed}: {run}"
    record_property("size", f"seed {seed}, {load.size(tables, clients, run)}")
    assert sum(client.transactions for client in clients) > 100
    found = compare.servers(source, oceanbase, database)
    assert not found, f"seed {seed}: {found[:10]}"


@pytest.mark.parametrize("options", [(), pytest.param(("--merge",), marks=pytest.mark.full)],
                         ids=["whole", "merged"])
def test_differential_with_alterations(tmp_path, source, oceanbase, tier, options, record_property):
    """The same, while the tables are altered: before, during and after the copy."""
    seed = int(os.environ.get("GODWIT_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}")
    database = "random_alterations"
    oceanbase.drop(database)
    tables = load.prepare(source, database, seed, 5)
    # 1412: a table's definition changed under a transaction
    clients = [load.Load(source, database, tables, seed * 10 + n, tolerated=[1412]) for n in range(2)]
    altering = alterations.Alterations(source, database, tables, seed)
    project = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*", options=options)
    for client in clients:
        client.start()
    altering.start()
    following = godwit.Following(project)
    try:
        altered = lambda: len(altering.statements) >= ALTERATIONS[tier] or altering.error
        godwit.wait(altered, SECONDS[tier] * 10, "alterations", following.process)
    finally:
        load.stop_all(clients)
        altering.stop()
    assert following.stop().code == 130
    run = project.migrate()
    assert run.code == 0, f"seed {seed}: {run}"
    record_property("size", f"seed {seed}, {load.size(tables, clients, run)}, {len(altering.statements)} alterations")
    found = compare.servers(source, oceanbase, database)
    assert not found, f"seed {seed}: {found[:10]}"
    assert not definitions.differences(source, oceanbase, database, True), f"seed {seed}"
