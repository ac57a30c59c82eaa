# SPDX-License-Identifier: Apache-2.0
"""SIGINT and SIGTERM where something is waited for."""
import contextlib
import signal
import socket
import subprocess
import time
from pathlib import Path

import compare
import godwit

DATABASE = "signals"


def test_a_second_signal_ends_at_once(tmp_path, mysql, oceanbase):
    """While the first one waits for a statement that waits for a lock, which is given up after five seconds."""
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.a (id INT PRIMARY KEY, v INT);\n"
              f"INSERT INTO {DATABASE}.a VALUES (1, 1), (2, 2);\n")
    p = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*")
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    with contextlib.closing(oceanbase.connect(DATABASE, autocommit=False)) as holder, holder.cursor() as cursor:
        cursor.execute("UPDATE a SET v = 7 WHERE id = 1")
        mysql.run("UPDATE a SET v = 5 WHERE id = 1;\n", DATABASE)
        waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE %s AND INFO NOT LIKE '%%PROCESSLIST%%'"
        godwit.wait(lambda: oceanbase.query(waiting, f"%{DATABASE}%")[0][0] > 0, 60, "the change to wait", following.process)
        following.process.send_signal(signal.SIGINT)
        status = Path(f"/proc/{following.process.pid}/status")
        godwit.wait(lambda: "ShdPnd:\t" + 16 * "0" in status.read_text(), 5, "the first to be taken", following.process)
        following.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        following.process.communicate(timeout=60)
        assert following.process.returncode == 130
        assert time.monotonic() - began < 1
        holder.rollback()
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_a_silent_server_is_given_up_by_a_signal(tmp_path):
    # A shell lets what it starts in the background ignore SIGINT.
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        asking = subprocess.Popen([str(godwit.PROGRAM), "datasource", "test", f"mysql://root@127.0.0.1:{port}", "--state-dir",
                                   str(tmp_path / "state")], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        client, _ = silent.accept()
        asking.send_signal(signal.SIGTERM)
        asking.communicate(timeout=5)
        assert asking.returncode == -signal.SIGTERM
        client.close()
