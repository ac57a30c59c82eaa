# SPDX-License-Identifier: Apache-2.0
"""Views that change before the source's log is followed, and what stands at the destination where a view
is to be made."""
import pytest

import compare
import definitions
import godwit

DATABASE = "viewed"
TABLE = "CREATE TABLE a (id INT PRIMARY KEY, v INT);\nINSERT INTO a VALUES (1, 1), (2, 2), (3, 3);\n"
BEFORE = TABLE + ("CREATE VIEW same AS SELECT id FROM a;\nCREATE VIEW other AS SELECT id, v FROM a;\n"
                  "CREATE VIEW gone AS SELECT v FROM a;\nCREATE VIEW was AS SELECT id AS n FROM a;\n")
# Also what a view needs changes, and comes anew.
MEANWHILE = ("ALTER TABLE a ADD COLUMN w INT NOT NULL DEFAULT 7;\n"
             "CREATE OR REPLACE VIEW other AS SELECT id, w FROM a;\nDROP VIEW gone;\n"
             "CREATE TABLE b (id INT PRIMARY KEY);\nINSERT INTO b VALUES (5);\n"
             "CREATE VIEW late AS SELECT id FROM b;\nCREATE VIEW above AS SELECT id FROM late;\n"
             "RENAME TABLE was TO is_now;\n")
# A function that the destination does not know: the schema stage waits for an answer.
HELD = ("CREATE FUNCTION twice (n INT) RETURNS INT DETERMINISTIC RETURN n * 2;\n"
        "CREATE VIEW held AS SELECT id, twice(v) AS v2 FROM a;\n")
# In a project's first run the precheck comes by first.
BEHIND_SCHEMA = {"GODWIT_CRASH_POINT": "stage-after-done:2"}


def fresh(source, oceanbase, script, there=""):
    source.drop(DATABASE)
    oceanbase.drop(DATABASE)
    source.run(f"CREATE DATABASE {DATABASE};\n")
    source.run(script, DATABASE)
    if there:
        oceanbase.run(f"CREATE DATABASE {DATABASE} DEFAULT CHARSET utf8mb4;\n")
        oceanbase.run(there, DATABASE)


def project(state, source, oceanbase, *options):
    return godwit.Godwit(state, source, oceanbase, f"{DATABASE}.*", options=options)


def resolve(p, view, *choice):
    p.resolve(f"{DATABASE}.{view}", *choice)


def completes(p, source, oceanbase):
    run = p.migrate()
    assert (run.code, run.summary["status"]) == (0, "completed"), run
    assert not compare.servers(source, oceanbase, DATABASE)
    assert not definitions.differences(source, oceanbase, DATABASE)


def test_views_change_behind_the_schema_stage(tmp_path, source, oceanbase):
    """Capture has not begun: no log tells of it."""
    fresh(source, oceanbase, BEFORE)
    p = project(tmp_path / "state", source, oceanbase)
    died = p.migrate(environment=BEHIND_SCHEMA)
    assert died.code == -9 and p.stage("schema") == "done", died
    assert definitions.views(oceanbase, DATABASE) == {"same", "other", "gone", "was"}
    source.run(MEANWHILE, DATABASE)
    completes(p, source, oceanbase)
    source.run("CREATE OR REPLACE VIEW other AS SELECT v FROM a;\nDROP VIEW above;\n", DATABASE)
    completes(p, source, oceanbase)


@pytest.mark.parametrize("point", ["schema-before-object:1", "schema-after-object-before-journal:1",
                                   "stage-before-done:1"])
def test_a_crash_in_the_second_look_at_views(tmp_path, mysql, oceanbase, point):
    fresh(mysql, oceanbase, BEFORE)
    p = project(tmp_path / "state", mysql, oceanbase)
    assert p.migrate(environment=BEHIND_SCHEMA).code == -9
    mysql.run(MEANWHILE, DATABASE)
    died = p.migrate(environment={"GODWIT_CRASH_POINT": point})
    assert died.code == -9 and p.stage("schema") == "pending", died
    mysql.run("DROP VIEW above;\n", DATABASE)
    completes(p, mysql, oceanbase)


def test_views_change_while_an_answer_is_waited_for(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, BEFORE + HELD)
    p = project(tmp_path / "state", mysql, oceanbase)
    run = p.migrate()
    assert (run.code, run.summary["status"]) == (5, "blocked"), run
    mysql.run(MEANWHILE, DATABASE)
    resolve(p, "held", "--skip")
    run = p.migrate()
    assert run.code == 0 and run.summary["skipped"] == 1, run
    mysql.run("DROP VIEW held;\nDROP FUNCTION twice;\n", DATABASE)
    completes(p, mysql, oceanbase)


@pytest.mark.parametrize("change", ["CREATE OR REPLACE VIEW held AS SELECT id FROM a;\n", "DROP VIEW held;\n"],
                         ids=["replaced", "dropped"])
def test_a_view_by_the_users_words_stays(tmp_path, mysql, oceanbase, change):
    fresh(mysql, oceanbase, TABLE + HELD)
    p = project(tmp_path / "state", mysql, oceanbase)
    assert p.migrate().code == 5
    edited = tmp_path / "held.sql"
    edited.write_text(f"CREATE VIEW {DATABASE}.held AS SELECT id, v * 2 AS v2 FROM {DATABASE}.a;\n")
    resolve(p, "held", "--edit", edited)
    died = p.migrate(environment={"GODWIT_CRASH_POINT": "stage-after-done:1"})
    assert died.code == -9 and p.stage("schema") == "done", died
    mysql.run(change, DATABASE)
    run = p.migrate()
    assert run.code == 0, run
    assert oceanbase.query(f"SELECT v2 FROM {DATABASE}.held ORDER BY id") == ((2,), (4,), (6,))


def test_a_view_of_the_users_own_is_not_replaced(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, BEFORE, "CREATE VIEW same AS SELECT 42 AS answer;\n")

    def is_untouched():
        return oceanbase.query(f"SELECT answer FROM {DATABASE}.same") == ((42,),)

    run = project(tmp_path / "judged", mysql, oceanbase).migrate()
    assert run.code == 3 and "destination_table" in run.err, run
    assert is_untouched()
    p = project(tmp_path / "state", mysql, oceanbase, "--skip-check", "destination_table")
    run = p.migrate()
    assert (run.code, run.summary["status"]) == (5, "blocked") and "TABLE_IN_THE_WAY" in run.err, run
    assert [item["object"] for item in p.show()["blocked"]] == [f"{DATABASE}.same"]
    assert is_untouched()
    oceanbase.run("DROP VIEW same;\n", DATABASE)
    resolve(p, "same", "--retry")
    completes(p, mysql, oceanbase)


def test_a_view_of_the_users_own_is_taken_as_it_is(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, BEFORE, "CREATE VIEW same AS SELECT 42 AS answer;\n")
    p = project(tmp_path / "state", mysql, oceanbase, "--skip-check", "destination_table")
    assert p.migrate().code == 5
    resolve(p, "same", "--done")
    run = p.migrate()
    assert run.code == 0, run
    assert oceanbase.query(f"SELECT answer FROM {DATABASE}.same") == ((42,),)


@pytest.mark.parametrize("point", ["schema-before-object:2", "schema-after-object-before-journal:2"])
def test_a_view_that_was_made_unheard_is_ours(tmp_path, mysql, oceanbase, point):
    """The table comes by first."""
    fresh(mysql, oceanbase, TABLE + "CREATE VIEW same AS SELECT id FROM a;\n")
    p = project(tmp_path / "state", mysql, oceanbase)
    died = p.migrate(environment={"GODWIT_CRASH_POINT": point})
    assert died.code == -9, died
    made = {"same"} if point.startswith("schema-after") else set()
    assert definitions.views(oceanbase, DATABASE) == made
    completes(p, mysql, oceanbase)


def test_a_view_is_replaced_while_rows_are_copied(tmp_path, mysql, oceanbase):
    """The copies of tables hold what the log has had so far, views do not."""
    fresh(mysql, oceanbase, BEFORE)
    mysql.run("INSERT INTO a VALUES " + ", ".join(f"({n}, {n})" for n in range(10, 600)) + ";\n", DATABASE)
    options = godwit.config(tmp_path / "p.toml", "[limits]\nrows_per_second = 100\nchunk_bytes = 1000\nreaders = 1\n")
    p = project(tmp_path / "state", mysql, oceanbase, *options)
    following = godwit.Following(p)
    following.wait_stage("full", "running")
    mysql.run("CREATE OR REPLACE VIEW other AS SELECT v AS only FROM a;\n", DATABASE)
    assert p.stage("full") == "running"
    following.wait_stage("verification", "done", seconds=120)
    assert following.stop().code == 130
    assert [column[0] for column in oceanbase.query(f"DESCRIBE {DATABASE}.other")] == ["only"]
    completes(p, mysql, oceanbase)


def test_two_views_of_one_name(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, BEFORE)
    mysql.drop("viewed_too")
    mysql.run("CREATE DATABASE viewed_too;\nCREATE VIEW viewed_too.same AS SELECT 1 AS one;\n")
    p = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*", f"viewed_too.*={DATABASE}")
    run = p.migrate()
    assert run.code == 3 and "name_unique" in run.err, run
    mysql.drop("viewed_too")
