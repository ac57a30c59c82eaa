# SPDX-License-Identifier: Apache-2.0
"""Changes that are all in the Log before replay begins with them, so that --merge merges them."""
import signal

import godwit

DATABASE = "backlog"
RULE = f"{DATABASE}.*"
BEHIND = 1200  # transactions; what stands a thousand behind is merged


def prepare(source, oceanbase):
    for server in (source, oceanbase):
        server.drop(DATABASE)
    source.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.filler (id INT PRIMARY KEY, v INT);\n"
               f"INSERT INTO {DATABASE}.filler VALUES (1, 0);\n")


def is_merged(oceanbase):
    return oceanbase.query("SELECT COUNT(*) FROM godwit.godwit_lane WHERE progress LIKE '%shares=%'")[0][0] > 0


def replay(project, source, oceanbase, change):
    """Copies, lets `change` write, and is killed while it replays that; the project's next run goes on from there."""
    following = godwit.Following(project)
    following.wait_stage("incremental", "running")
    assert following.stop().code == 130
    oceanbase.run("RENAME TABLE filler TO away;\n", DATABASE)  # replay waits for the user at the first change
    fill = lambda value: cursor.execute(f"UPDATE {DATABASE}.filler SET v = %s", (value,))
    with source.connect().cursor() as cursor:
        for n in range(300):  # as many as the first window has, also where the change begins with a DDL
            fill(n)
        change()
        for n in range(BEHIND):
            fill(1000 + n)
    captured = lambda: f'"v":"{1000 + BEHIND - 1}"' in project.other(
        "store", "dump", project.name, "--table", f"{DATABASE}.filler").stdout
    waiting = godwit.Following(project, "--blocked-timeout", "300")
    godwit.wait(captured, 120, "the whole backlog in the Log", waiting.process)
    waiting.kill()
    oceanbase.run("RENAME TABLE away TO filler;\n", DATABASE)
    # The change that waited for the user goes alone, before the first window.
    crashed = project.start(environment={"GODWIT_CRASH_POINT": "replay-after-commit:2"})
    out, err = crashed.communicate(timeout=120)
    assert crashed.returncode == -signal.SIGKILL, out + err
    assert is_merged(oceanbase), "nothing was merged"
