# SPDX-License-Identifier: Apache-2.0
"""Random schemas over all types, random transactions, Godwit following: then an independent full
comparison of both sides. The seed is printed; GODWIT_SEED repeats a run."""
import os
import time

import pytest

import compare
import godwit
import load

SECONDS = {"quick": 40, "full": 300}


@pytest.mark.parametrize("options", [(), ("--merge",)], ids=["whole", "merged"])
def test_differential(tmp_path, source, oceanbase, tier, options):
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
    assert sum(client.transactions for client in clients) > 100
    found = compare.servers(source, oceanbase, database)
    assert not found, f"seed {seed}: {found[:10]}"
