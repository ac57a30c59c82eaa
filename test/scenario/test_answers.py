# SPDX-License-Identifier: Apache-2.0
"""Answers to what is blocked: one is obeyed, once, and about what it was given for; and what waits for
nobody any more is not shown as if it did."""
import pytest

import compare
import godwit

DATABASE = "answers"


@pytest.fixture
def table(mysql, oceanbase):
    for server in (mysql, oceanbase):
        server.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.a (id INT PRIMARY KEY, v INT);\n"
              f"INSERT INTO {DATABASE}.a VALUES (1, 1), (2, 2), (3, 3);\n")


def project(tmp_path, source, destination, types="schema,full,incremental"):
    return godwit.Godwit(tmp_path / "state", source, destination, f"{DATABASE}.*",
                         options=("--types", types))


def resolve(p, item, *choice):
    p.resolve(item["item"], *choice)


def blocked(p, **more):
    """The only item of a run that ends with it."""
    run = p.migrate(**more)
    assert (run.code, run.summary["status"]) == (5, "blocked"), run
    items = p.show()["blocked"]
    assert len(items) == 1, items
    return items[0]


def columns(server):
    return {name: kind.lower() for name, kind in server.query(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND "
        "table_name = 'a'", DATABASE)}


def clash(p, mysql, oceanbase):
    """A statement that the destination refuses."""
    oceanbase.run(f"ALTER TABLE {DATABASE}.a ADD COLUMN w INT;\n")
    mysql.run(f"ALTER TABLE {DATABASE}.a ADD COLUMN w INT;\n")
    return blocked(p)


def clear(oceanbase):
    """Now it would go."""
    oceanbase.run(f"ALTER TABLE {DATABASE}.a DROP COLUMN w;\n")


@pytest.mark.parametrize("choice", ["--skip", "--done", "--edit", "--retry"])
def test_a_statement_is_not_tried_against_its_answer(tmp_path, mysql, oceanbase, table, choice):
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    item = clash(p, mysql, oceanbase)
    clear(oceanbase)
    words = [choice]
    if choice == "--edit":
        words.append(tmp_path / "edited.sql")
        words[1].write_text(f"ALTER TABLE {DATABASE}.a ADD COLUMN w BIGINT;\n")
    resolve(p, item, *words)
    run = p.migrate()
    assert run.code == 0, run
    made = columns(oceanbase).get("w", "")
    expected = {"--edit": "bigint", "--retry": "int"}.get(choice, "")
    assert made == expected, made
    shown = p.show()
    assert not shown["blocked"], shown
    is_skip = choice == "--skip"
    assert run.summary["skipped"] == (1 if is_skip else 0), run
    assert run.summary["left_out"] == 0, run
    assert [i["item"] for i in shown["skipped"]] == ([item["item"]] if is_skip else []), shown
    text = p.other("project", "show", p.name).stdout
    assert (f"skipped: item {item['item']}: ddl {DATABASE}.a" in text) == is_skip, text
    assert ("1 statements or objects were skipped" in run.err) == is_skip, run.err


def test_what_goes_without_an_answer_waits_for_none(tmp_path, mysql, oceanbase, table):
    """Else a comparison beside the project would be blocked by it for ever."""
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    clash(p, mysql, oceanbase)
    clear(oceanbase)
    following = godwit.Following(p)
    godwit.wait(lambda: "w" in columns(oceanbase), 60, "the statement", following.process)
    following.wait_stage("incremental", "running")
    godwit.wait(lambda: p.show().get("blocked") == [], 30, "the item to be closed", following.process)
    done = p.other("verify", p.name, "--json", timeout=300)
    run = godwit.Run(done.returncode, done.stdout, done.stderr)
    assert (run.code, run.summary["status"]) == (0, "completed"), run
    assert following.stop().code == 130


def test_an_answer_that_was_not_needed_answers_nothing_later(tmp_path, mysql, oceanbase, table):
    """The same clash comes again, much later."""
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    oceanbase.run(f"INSERT INTO {DATABASE}.a VALUES (5, 50);\n")
    mysql.run(f"INSERT INTO {DATABASE}.a VALUES (5, 5);\n")
    first = blocked(p)
    resolve(p, first, "--skip")
    oceanbase.run(f"DELETE FROM {DATABASE}.a WHERE id = 5;\n")
    run = p.migrate()  # a row is tried first: now it goes
    assert run.code == 0 and run.summary["left_out"] == 0, run
    assert not compare.servers(mysql, oceanbase, DATABASE)
    mysql.run(f"DELETE FROM {DATABASE}.a WHERE id = 5;\n")
    assert p.migrate().code == 0
    oceanbase.run(f"INSERT INTO {DATABASE}.a VALUES (5, 50);\n")
    mysql.run(f"INSERT INTO {DATABASE}.a VALUES (5, 5);\n")
    again = blocked(p)
    assert again["item"] != first["item"], again
    assert p.show()["left_out"] == []


@pytest.mark.parametrize("is_killed", [False, True], ids=["answered", "killed with the answer"])
@pytest.mark.parametrize("key", ["PRIMARY KEY", ""], ids=["key", "no key"])
def test_a_row_written_by_hand_is_done(tmp_path, mysql, oceanbase, table, key, is_killed):
    """With a key it fails otherwise than when it was asked about; without one it would go again."""
    mysql.run(f"CREATE TABLE {DATABASE}.b (id INT {key}, v VARCHAR(20));\n")
    oceanbase.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.a (id INT PRIMARY KEY, v INT);\n"
                  f"CREATE TABLE {DATABASE}.b (id INT {key}, v VARCHAR(5));\n")
    p = project(tmp_path, mysql, oceanbase, types="full,incremental")
    assert p.migrate().code == 0
    mysql.run(f"INSERT INTO {DATABASE}.b VALUES (5, 'much too long');\n")
    item = blocked(p)
    oceanbase.run(f"ALTER TABLE {DATABASE}.b MODIFY v VARCHAR(20);\n"
                  f"INSERT INTO {DATABASE}.b VALUES (5, 'short');\n")
    resolve(p, item, "--done")
    if is_killed:
        assert p.migrate(environment={"GODWIT_CRASH_POINT": "answer-after-taken"}).code == -9
    run = p.migrate()
    assert run.code == 0 and run.summary["left_out"] == 0, run
    assert oceanbase.query(f"SELECT v FROM {DATABASE}.b") == (("short",),)


@pytest.mark.parametrize("choice, left_out, texts", [("--skip", 3, "ABC"), ("--done", 0, "ABC"), ("--skip", 3, "AAA")])
def test_rows_that_look_the_same_are_answered_one_by_one(tmp_path, mysql, oceanbase, table, choice, left_out, texts):
    """Of a row without a key the first columns are shown."""
    log = f"CREATE TABLE {DATABASE}.log (a INT, b INT, c INT, d INT, msg VARCHAR(%s));\n"
    mysql.run(log % 100)
    oceanbase.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.a (id INT PRIMARY KEY, v INT);\n" + log % 5)
    p = project(tmp_path, mysql, oceanbase, types="full,incremental")
    assert p.migrate().code == 0
    rows = ", ".join(f"(1, 1, 1, 1, 'too long {text}')" for text in texts)
    mysql.run(f"INSERT INTO {DATABASE}.log VALUES {rows}, (2, 2, 2, 2, 'fits');\n")
    for _ in texts:
        item = blocked(p)
        if choice == "--done":
            oceanbase.run(f"INSERT INTO {DATABASE}.log VALUES (1, 1, 1, 1, 'short');\n")
        resolve(p, item, choice)
    run = p.migrate()
    assert (run.code, run.summary["left_out"]) == (0, left_out), run
    there = sorted(msg for msg, in oceanbase.query(f"SELECT msg FROM {DATABASE}.log"))
    assert there == ["fits"] + ["short"] * (3 - left_out), there


def test_an_object_is_not_tried_against_its_answer(tmp_path, mysql, oceanbase, table):
    mysql.run(f"CREATE VIEW {DATABASE}.doubled AS SELECT id, v * 2 AS v2 FROM {DATABASE}.a;\n")
    oceanbase.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.doubled (id INT);\n")
    p = project(tmp_path, mysql, oceanbase)
    p.options += ["--skip-check", "destination_table"]
    item = blocked(p)
    assert item["object"] == f"{DATABASE}.doubled", item
    oceanbase.run(f"DROP TABLE {DATABASE}.doubled;\n")  # now it could be made
    resolve(p, item, "--skip")
    run = p.migrate()
    assert run.code == 0 and run.summary["skipped"] == 1, run
    assert not oceanbase.query("SELECT table_name FROM information_schema.views WHERE table_schema = %s",
                               DATABASE)
    assert [i["object"] for i in p.show()["skipped"]] == [f"{DATABASE}.doubled"]
    assert not p.show()["blocked"]


@pytest.fixture
def account(mysql):
    mysql.run("DROP USER IF EXISTS answerer;\nCREATE USER answerer IDENTIFIED BY 'right';\n"
              "GRANT ALL ON *.* TO answerer;\n")
    yield godwit.Server("answerer", f"mysql://answerer@127.0.0.1:{mysql.port}/?password_env=ANSWERER")
    mysql.run("DROP USER IF EXISTS answerer;\n")


def test_another_failure_is_not_called_blocked(tmp_path, mysql, oceanbase, table, account):
    right, wrong = {"ANSWERER": "right"}, {"ANSWERER": "wrong"}
    p = project(tmp_path, account, oceanbase)
    assert p.migrate(environment=right).code == 0
    oceanbase.run(f"INSERT INTO {DATABASE}.a VALUES (5, 50);\n")
    mysql.run(f"INSERT INTO {DATABASE}.a VALUES (5, 5);\n")
    item = blocked(p, environment=right)
    run = p.migrate(environment=wrong)
    assert (run.code, run.summary["status"]) == (1, "failed") and "LOGIN_REFUSED" in run.err, run
    assert [i["item"] for i in p.show()["blocked"]] == [item["item"]]
    assert blocked(p, environment=right)["item"] == item["item"]


def test_a_release_that_was_cut_off_can_only_be_ended(tmp_path, mysql, oceanbase, table):
    """Its lanes may be forgotten: nothing may go on with it."""
    oceanbase.run("DROP USER IF EXISTS releaser;\nCREATE USER releaser;\nGRANT ALL ON *.* TO releaser;\n")
    there = godwit.Server("releaser", oceanbase.url.replace("root@", "releaser@"))
    try:
        p = project(tmp_path, mysql, there)
        assert p.migrate().code == 0
        oceanbase.run("DROP USER releaser;\n")
        assert p.other("project", "release", p.name).returncode == 1
        oceanbase.run("CREATE USER releaser;\nGRANT ALL ON *.* TO releaser;\n")
        run = p.migrate()
        assert (run.code, run.summary["status"]) == (1, "failed"), run
        assert "RELEASE_UNFINISHED" in run.err and f"project release {p.name}" in run.err, run
        for words in (("project", "resume", p.name), ("project", "pause", p.name), ("verify", p.name)):
            done = p.other(*words)
            assert done.returncode == 1 and "RELEASE_UNFINISHED" in done.stderr, done.stderr
        released = p.other("project", "release", p.name)
        assert released.returncode == 0, released.stderr
        assert p.other("project", "show", p.name).returncode == 2
    finally:
        oceanbase.run("DROP USER IF EXISTS releaser;\n")


@pytest.mark.parametrize("has_key", [True, False], ids=["key", "no key"])
def test_each_refused_row_of_a_transaction_is_answered_once(tmp_path, mysql, oceanbase, table, has_key):
    if not has_key:
        mysql.run(f"ALTER TABLE {DATABASE}.a DROP PRIMARY KEY;\n")
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    oceanbase.run(f"DELETE FROM {DATABASE}.a;\n")
    connection = mysql.connect(DATABASE, autocommit=False)
    with connection.cursor() as cursor:
        for n in (1, 2, 3):
            cursor.execute("UPDATE a SET v = v + 10 WHERE id = %s", (n,))
        cursor.execute("INSERT INTO a VALUES (9, 9)")
    connection.commit()
    connection.close()
    for _ in range(3):
        resolve(p, blocked(p), "--skip")
    run = p.migrate()
    assert (run.code, run.summary["left_out"]) == (0, 3), run
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.a") == ((9, 9),)


def test_the_statement_that_failed_is_shown(tmp_path, mysql, oceanbase, table):
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    item = clash(p, mysql, oceanbase)
    assert "ADD COLUMN" in item["detail"]["converted"], item
    resolve(p, item, "--skip")
    resolve(p, item, "--done")  # on second thoughts, before anybody has taken the first answer
    run = p.migrate()
    assert (run.code, run.summary["skipped"]) == (0, 0), run


# --- a table that is gone at the destination ---


def as_it_was(oceanbase, rows):
    oceanbase.run(f"CREATE TABLE {DATABASE}.a (id INT PRIMARY KEY, v INT);\nINSERT INTO {DATABASE}.a VALUES {rows};\n")


def is_about_the_missing_table(item):
    error = item["detail"]["error"]
    return (item["stage"], item["object"], error["code"]) == ("incremental", f"{DATABASE}.a", "PLAN_TABLE_MISSING")


@pytest.mark.parametrize("is_known", [False, True], ids=["not written to yet", "written to before"])
def test_a_table_that_is_gone_ends_the_run(tmp_path, mysql, oceanbase, table, is_known):
    """One that this run has written to it misses by the server's word, and the next run asks about it."""
    p = project(tmp_path, mysql, oceanbase)
    following = godwit.Following(p)
    following.wait_stage("incremental", "running")
    if is_known:
        mysql.run(f"UPDATE {DATABASE}.a SET v = 20 WHERE id = 2;\n")
        godwit.wait(lambda: oceanbase.query(f"SELECT v FROM {DATABASE}.a WHERE id = 2") == ((20,),), 60, "the change",
                    following.process)
    oceanbase.run(f"DROP TABLE {DATABASE}.a;\n")
    mysql.run(f"UPDATE {DATABASE}.a SET v = 10 WHERE id = 1;\n")
    godwit.wait(lambda: following.process.poll() is not None, 60, "its end")
    end = following.stop()
    if is_known:
        assert end.code in (1, 5) and "TABLE_UNKNOWN" in end.err, end
    else:
        assert (end.code, end.summary["status"]) == (5, "blocked") and "PLAN_TABLE_MISSING" in end.err, end
    item = blocked(p)
    assert is_about_the_missing_table(item), item
    as_it_was(oceanbase, "(1, 1), (2, 20), (3, 3)" if is_known else "(1, 1), (2, 2), (3, 3)")
    if not is_known:  # it would go without
        resolve(p, item, "--retry")
    run = p.migrate()
    assert run.code == 0 and not p.show()["blocked"], run
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_changes_done_by_hand_are_not_made_again(tmp_path, mysql, oceanbase, table):
    """Without a key nothing would clash with them."""
    mysql.run(f"ALTER TABLE {DATABASE}.a DROP PRIMARY KEY;\n")
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    oceanbase.run(f"DROP TABLE {DATABASE}.a;\n")
    mysql.run(f"INSERT INTO {DATABASE}.a VALUES (4, 4);\n")
    item = blocked(p)
    assert is_about_the_missing_table(item), item
    oceanbase.run(f"CREATE TABLE {DATABASE}.a (id INT NOT NULL, v INT);\n"
                  f"INSERT INTO {DATABASE}.a VALUES (1, 1), (2, 2), (3, 3), (4, 4);\n")
    resolve(p, item, "--done")
    run = p.migrate()
    assert run.code == 0 and not p.show()["blocked"], run
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_a_table_that_is_gone_is_waited_for(tmp_path, mysql, oceanbase, table):
    """A retry without the table asks again; with it the same run goes on."""
    p = project(tmp_path, mysql, oceanbase)
    following = godwit.Following(p, "--blocked-timeout", "100")
    following.wait_stage("incremental", "running")
    oceanbase.run(f"DROP TABLE {DATABASE}.a;\n")
    mysql.run(f"UPDATE {DATABASE}.a SET v = 10 WHERE id = 1;\n")
    asked = lambda: p.show().get("blocked") or [{"item": 0}]
    godwit.wait(lambda: asked()[0]["item"], 60, "the table to be missed", following.process)
    first = asked()[0]
    assert is_about_the_missing_table(first), first
    resolve(p, first, "--retry")
    godwit.wait(lambda: asked()[0]["item"] not in (0, first["item"]), 60, "it to be asked again", following.process)
    as_it_was(oceanbase, "(1, 1), (2, 2), (3, 3)")
    resolve(p, asked()[0], "--retry")
    godwit.wait(lambda: oceanbase.query(f"SELECT v FROM {DATABASE}.a WHERE id = 1") == ((10,),), 60, "the change",
                following.process)
    assert following.stop().code == 130
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_what_was_given_up_stays_behind_what_came_later(tmp_path, mysql, oceanbase, table):
    """A change that was done by hand is followed by another one of its row, and the process dies before anything
    holds what came first: the changes are read again."""
    mysql.run(f"CREATE TABLE {DATABASE}.b (id INT PRIMARY KEY, v INT);\nINSERT INTO {DATABASE}.b VALUES (1, 1);\n")
    p = project(tmp_path, mysql, oceanbase)
    following = godwit.Following(p, "--blocked-timeout", "100")
    following.wait_stage("incremental", "running")
    held = oceanbase.connect(autocommit=False)
    held.cursor().execute(f"UPDATE {DATABASE}.b SET v = 0 WHERE id = 1")
    mysql.run(f"UPDATE {DATABASE}.b SET v = 10 WHERE id = 1;\n")  # waits in its lane
    oceanbase.run(f"DROP TABLE {DATABASE}.a;\n")
    mysql.run(f"UPDATE {DATABASE}.a SET v = 10 WHERE id = 1;\n")
    godwit.wait(lambda: p.show().get("blocked"), 60, "the table to be missed", following.process)
    as_it_was(oceanbase, "(1, 10), (2, 2), (3, 3)")
    resolve(p, p.show()["blocked"][0], "--done")
    mysql.run(f"UPDATE {DATABASE}.a SET v = 20 WHERE id = 1;\n")
    godwit.wait(lambda: oceanbase.query(f"SELECT v FROM {DATABASE}.a WHERE id = 1") == ((20,),), 60, "what came later",
                following.process)
    following.kill()
    held.rollback()
    run = p.migrate()
    assert run.code == 0 and not p.show()["blocked"], run
    assert not compare.servers(mysql, oceanbase, DATABASE)
