# SPDX-License-Identifier: Apache-2.0
"""Bad input: each gets one clear error with its cause and remedy, nothing is lost, and there is a way
to go on."""
import os
import shutil
import signal
import socket
import subprocess

import pytest

import compare
import conftest
import godwit

DATABASE = "bad_input"


@pytest.fixture
def table(mysql, oceanbase):
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.t (id INT PRIMARY KEY, v INT);\n"
              f"INSERT INTO {DATABASE}.t VALUES (1, 1), (2, 2);\n")


def command(*words):
    return subprocess.run([str(w) for w in (godwit.PROGRAM, *words)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120)


def project(tmp_path, mysql, oceanbase, rule=f"{DATABASE}.*", **more):
    return godwit.Godwit(tmp_path / "state", mysql, oceanbase, rule, **more)


@pytest.mark.parametrize("words", [
    ("migrate", "--objects", "a.*"),
    ("migrate", "--source", "nonsense", "--destination", "oceanbase://r@h:1", "--objects", "a.*"),
    ("migrate", "--source", "mysql://r@h:1", "--destination", "oceanbase://r@h:1", "--objects", "a"),
    ("migrate", "--source", "mysql://r@h:1", "--destination", "oceanbase://r@h:1", "--objects", "a.*",
     "--types", "everything"),
    ("frobnicate",),
])
def test_usage_errors_end_in_2(tmp_path, words):
    done = command(*words, *(["--state-dir", tmp_path] if words[0] == "migrate" else []))
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip()


def test_wrong_address(tmp_path, oceanbase):
    nobody = godwit.Server("nobody", "mysql://root@127.0.0.1:1")
    run = project(tmp_path, nobody, oceanbase).migrate(timeout=60)
    assert run.code == 1, run
    assert "CONNECTION_FAILED" in run.err


def test_wrong_password_is_not_shown(tmp_path, mysql, oceanbase):
    url = mysql.url.replace("root@", "nobody:s3cret-word@")
    stranger = godwit.Server("stranger", url)
    run = project(tmp_path, stranger, oceanbase).migrate(timeout=60)
    assert run.code == 1, run
    assert "LOGIN_REFUSED" in run.err
    shown = run.err + str(run.events)
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            shown += path.read_bytes().decode(errors="replace")
    assert "s3cret-word" not in shown


@pytest.mark.parametrize("password", ["s3cret-w0rd", "s3cret/w0rd", "s3cret@w0rd", "s3cret?w0rd"])
def test_password_in_the_arguments_is_overwritten(tmp_path, oceanbase, password):
    """Also one that was not encoded: the process list must not show it."""
    nobody = socket.create_server(("127.0.0.1", 0))  # who never answers: the program is there to be looked at
    url = f"mysql://root:{password}@127.0.0.1:{nobody.getsockname()[1]}"
    words = ["migrate", f"--source={url}", "--destination", oceanbase.url, "--objects", f"{DATABASE}.*",
             "--state-dir", str(tmp_path / "state"), "--yes"]
    process = subprocess.Popen([str(godwit.PROGRAM), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "password on the command line" in process.stderr.readline()
    with open(f"/proc/{process.pid}/cmdline", "rb") as file:
        shown = file.read()
    process.kill()
    out, err = process.communicate(timeout=60)
    nobody.close()
    if password == "s3cret-w0rd":  # with the others it may have ended before it was looked at
        assert oceanbase.url.encode() in shown, shown
    assert b"s3cret" not in shown and b"w0rd" not in shown, shown
    assert "s3cret" not in out + err
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            assert b"s3cret" not in path.read_bytes(), path


def test_rule_that_selects_nothing(tmp_path, mysql, oceanbase, table):
    run = project(tmp_path, mysql, oceanbase, "no_such_database.*").migrate()
    assert run.code == 3, run
    assert run.summary["status"] == "precheck_failed"
    assert "selection: the rules select nothing" in run.err and "the source's databases are: " in run.err, run
    assert project(tmp_path, mysql, oceanbase, f"{DATABASE}.*", name="right").migrate().code == 0


def test_warning_without_yes_ends_in_3(tmp_path, mysql, oceanbase, table):
    mysql.run(f"CREATE TABLE {DATABASE}.keyless (a INT);\n")
    words = [w for w in project(tmp_path, mysql, oceanbase).arguments("--stop-when-caught-up")
             if w != "--yes"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 3, done.stderr


def test_rows_at_the_destination_are_not_touched(tmp_path, mysql, oceanbase, table):
    oceanbase.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.t (id INT PRIMARY KEY, v INT);\n"
                  f"INSERT INTO {DATABASE}.t VALUES (9, 9);\n")
    run = project(tmp_path, mysql, oceanbase).migrate()
    assert run.code == 3, run
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.t") == ((9, 9),)


def test_contradicting_flags(tmp_path, mysql, oceanbase, table):
    assert project(tmp_path, mysql, oceanbase).migrate().code == 0
    other = project(tmp_path, mysql, oceanbase, "other.*")
    assert other.migrate().code == 2


def test_two_on_one_project(tmp_path, mysql, oceanbase, table):
    p = project(tmp_path, mysql, oceanbase)
    following = godwit.Following(p)
    following.wait_stage("incremental", "running")
    second = p.migrate()
    assert second.code == 1 and "PROJECT_BUSY" in second.err, second
    assert following.stop().code == 130


def test_a_process_that_wakes_behind_its_successor(tmp_path, mysql, oceanbase, table):
    """Stopped and taken for dead, it wakes while another one works from a copy of its state, where its lock is
    another file: it writes nothing any more, and nothing comes twice."""
    mysql.run(f"CREATE TABLE {DATABASE}.keyless (n INT);\n")  # shows a change that was applied twice
    first = godwit.Following(project(tmp_path, mysql, oceanbase))
    first.wait_stage("verification", "done")
    first.process.send_signal(signal.SIGSTOP)
    _, status = os.waitpid(first.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    shutil.copytree(tmp_path / "state", tmp_path / "heir", ignore=shutil.ignore_patterns("control.sock"))
    heir = godwit.Godwit(tmp_path / "heir", mysql, oceanbase, f"{DATABASE}.*")
    change = f"INSERT INTO {DATABASE}.t VALUES ({{0}}, 0);\nINSERT INTO {DATABASE}.keyless VALUES ({{0}});\n"
    mysql.run(change.format(3))
    second = godwit.Following(heir)
    godwit.wait(lambda: oceanbase.query(f"SELECT * FROM {DATABASE}.keyless"), 60, "the successor's first change",
                second.process)
    first.process.send_signal(signal.SIGCONT)
    mysql.run(change.format(4))
    godwit.wait(lambda: first.process.poll() is not None, 60, "its end")
    end = first.stop()
    assert (end.code, end.summary["status"]) == (1, "failed"), end
    assert [event["code"] for event in end.events if event["event"] == "error"] == ["FENCED"], end
    mysql.run(change.format(5))
    assert second.stop().code == 130
    run = heir.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_what_was_fenced_goes_on_when_it_is_started_again(tmp_path, mysql, oceanbase, table):
    """By the state that it had: it becomes the successor itself."""
    p = project(tmp_path, mysql, oceanbase)
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    oceanbase.run("UPDATE godwit.godwit_lane SET epoch = epoch + 1;\n")  # as a successor would
    mysql.run(f"INSERT INTO {DATABASE}.t VALUES (3, 3);\n")
    out, err = following.process.communicate(timeout=120)
    assert following.process.returncode == 1 and "FENCED" in err, err
    assert not oceanbase.query(f"SELECT * FROM {DATABASE}.t WHERE id = 3")
    assert p.migrate().code == 0
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.t WHERE id = 3")


def test_corrupt_state(tmp_path, mysql, oceanbase, table):
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    shutil.copytree(tmp_path / "state", tmp_path / "saved")
    (tmp_path / "state" / "godwit.db").write_bytes(b"this is no database" * 500)
    for leftover in (tmp_path / "state").glob("godwit.db-*"):
        leftover.unlink()
    run = p.migrate()
    assert run.code == 1, run
    assert "METADATA_CORRUPT" in run.err and "remedy" in run.err
    shutil.rmtree(tmp_path / "state")
    shutil.copytree(tmp_path / "saved", tmp_path / "state")
    mysql.run(f"INSERT INTO {DATABASE}.t VALUES (71, 71);\n")
    assert p.migrate().code == 0
    assert not compare.servers(mysql, oceanbase, DATABASE)


@pytest.mark.parametrize("file", ["CURRENT", "MANIFEST-*", "*.sst"])
def test_corrupt_store(tmp_path, mysql, oceanbase, table, file):
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    mysql.run(f"INSERT INTO {DATABASE}.t VALUES (70, 70);\n")
    assert p.migrate().code == 0
    store = tmp_path / "state" / "projects" / "p" / "store"
    damaged = next(store.glob(file))
    original = damaged.read_bytes()
    damaged.write_bytes(b"this is no store" * 500)
    mysql.run(f"INSERT INTO {DATABASE}.t VALUES (71, 71);\n")
    run = p.migrate()
    errors = [event["code"] for event in run.events if event["event"] == "error"]
    assert (run.code, errors) == (1, ["STORE_CORRUPT"]), run
    damaged.write_bytes(original)
    assert p.migrate().code == 0
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_a_store_that_is_gone(tmp_path, mysql, oceanbase, table):
    """What it held cannot be had again: the project does not go on as if there had been nothing."""
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    mysql.run(f"INSERT INTO {DATABASE}.t VALUES (70, 70);\n")
    store = tmp_path / "state" / "projects" / "p" / "store"
    store.rename(tmp_path / "kept")
    for _ in range(2):
        run = p.migrate()
        assert run.code == 1 and "LOG_GAP" in run.err, run
    if store.exists():
        shutil.rmtree(store)
    (tmp_path / "kept").rename(store)
    assert p.migrate().code == 0
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_blocked_statement_is_shown_and_answered(tmp_path, mysql, oceanbase, table):
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    oceanbase.run(f"ALTER TABLE {DATABASE}.t ADD COLUMN w INT;\n")  # the same DDL will clash
    mysql.run(f"ALTER TABLE {DATABASE}.t ADD COLUMN w INT;\nUPDATE {DATABASE}.t SET w = id;\n")
    run = p.migrate()
    assert run.code == 5 and run.summary["status"] == "blocked", run
    items = p.show()["blocked"]
    assert len(items) == 1 and "ADD COLUMN" in str(items[0]), items
    p.resolve(items[0]["item"], "--done")
    assert p.migrate().code == 0
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_damage_is_found_and_corrected(tmp_path, mysql, oceanbase, table):
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    oceanbase.run(f"UPDATE {DATABASE}.t SET v = 77 WHERE id = 1;\nDELETE FROM {DATABASE}.t WHERE id = 2;\n"
                  f"INSERT INTO {DATABASE}.t VALUES (50, 50);\n")
    found = p.migrate()
    assert found.code == 4 and found.summary["inconsistent"] == 3, found
    corrected = p.other("verify", p.name, "--correct")
    assert corrected.returncode == 4, corrected.stderr  # the extra row is reported and left alone
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.t ORDER BY id") == ((1, 1), (2, 2), (50, 50))


def test_tls_with_password(tmp_path, oceanbase, table):
    secure = conftest.server("GODWIT_TEST_MYSQL97TLS_URL", "secure")
    plain = godwit.Server("secure-root", f"mysql://root@127.0.0.1:{secure.port}")
    plain.drop("tls_case")
    oceanbase.drop("tls_case")
    plain.run("CREATE DATABASE tls_case;\nCREATE TABLE tls_case.t (id INT PRIMARY KEY);\n"
              "INSERT INTO tls_case.t VALUES (1), (2);\n")
    p = project(tmp_path, secure, oceanbase, "tls_case.*")
    following = godwit.Following(p)
    following.wait_stage("incremental", "running")
    plain.run("ALTER TABLE tls_case.t ADD COLUMN v LONGTEXT;\n"
              "INSERT INTO tls_case.t VALUES (3, REPEAT('x', 9000000)), (4, 'short');\n"
              "DELETE FROM tls_case.t WHERE id = 1;\n")  # of many TLS records
    godwit.wait(lambda: oceanbase.query("SELECT COUNT(*), MIN(id) FROM tls_case.t") == ((3, 2),), 60, "the changes",
                following.process)
    assert following.stop().code == 130
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(plain, oceanbase, "tls_case")


def test_unique_values_that_would_clash(tmp_path, mysql, oceanbase, table):
    """The destination's collations call equal what the source tells apart: found before any copy."""
    mysql.run(f"CREATE TABLE {DATABASE}.names (id INT PRIMARY KEY, n VARCHAR(20) COLLATE "
              f"utf8mb4_0900_bin NOT NULL, UNIQUE KEY n (n));\n"
              f"INSERT INTO {DATABASE}.names VALUES (1, 'a'), (2, 'a '), (3, 'b');\n")
    run = project(tmp_path, mysql, oceanbase).migrate()
    assert run.code == 3, run
    assert "unique_key_clash" in run.err
