# SPDX-License-Identifier: Apache-2.0
"""What precheck shows of each object before it is made, and statements given in its place."""
import json

import pytest

import godwit

DATABASE = "planned"


@pytest.fixture
def project(tmp_path, mysql, oceanbase):
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE}")
    mysql.run("CREATE TABLE a (id INT PRIMARY KEY, t VARCHAR(20), KEY t (t));\n"
              "INSERT INTO a VALUES (1, 'one'), (2, 'two');\n"
              "CREATE TABLE b (id INT PRIMARY KEY);\n"
              "CREATE VIEW v AS SELECT id FROM a;\n", DATABASE)
    return godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*")


def precheck(project):
    flags = project.arguments()[2:]  # what migrate is given, for the same project
    return project.other("precheck", *flags[:flags.index("--state-dir")], "--yes", "--json", *project.options)


def ddl(project):
    done = project.other("project", "ddl", project.name, "--json")
    assert done.returncode == 0, done.stderr
    return {line["object"]: line for line in map(json.loads, done.stdout.splitlines())}


def answer(project, item, *choice):
    done = project.other("project", "resolve", project.name, f"{DATABASE}.{item}", *choice)
    return done.returncode, done.stderr


def test_shown_and_edited_before_it_is_made(tmp_path, project, oceanbase):
    done = precheck(project)
    assert done.returncode == 0, done.stderr
    shown = ddl(project)
    assert {name: line["status"] for name, line in shown.items()} == {
        f"{DATABASE}.{name}": "planned" for name in ("a", "b", "v")}
    for name, word in (("a", "`t` VARCHAR(20)"), ("v", "`id`")):
        line = shown[f"{DATABASE}.{name}"]
        assert word.lower() in line["source"].lower(), line
        assert word.lower() in line["converted"].lower(), line
    assert not oceanbase.query("SELECT 1 FROM information_schema.tables WHERE table_schema = %s", DATABASE)

    statement = tmp_path / "a.sql"
    statement.write_text(f"CREATE TABLE {DATABASE}.a (id BIGINT PRIMARY KEY, t VARCHAR(99), more INT DEFAULT 7);\n")
    view = tmp_path / "v.sql"
    view.write_text(f"CREATE VIEW {DATABASE}.v AS SELECT id, more FROM {DATABASE}.a;\n")
    assert answer(project, "a", "--edit", statement)[0] == 0
    assert answer(project, "v", "--edit", view)[0] == 0
    assert answer(project, "b", "--edit", view)[0] == 0
    assert answer(project, "b", "--retry")[0] == 0  # takes it back
    for choice in ("--skip", "--done"):
        code, said = answer(project, "b", choice)
        assert code != 0 and "CHOICE_INVALID" in said and "--exclude" in said
    assert precheck(project).returncode == 0  # looks again, and forgets no answer
    assert "VARCHAR(99)" in ddl(project)[f"{DATABASE}.a"]["converted"]

    run = project.migrate()
    assert (run.code, run.summary["inconsistent"]) == (0, 0), run
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.a ORDER BY id") == ((1, "one", 7), (2, "two", 7))
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.v ORDER BY id") == ((1, 7), (2, 7))
    assert {line["status"] for line in ddl(project).values()} == {"done"}
    code, said = answer(project, "a", "--edit", statement)
    assert code != 0 and "OBJECT_MADE" in said, said


def test_what_cannot_be_converted_is_edited_before_it_is_made(tmp_path, project, mysql, oceanbase):
    mysql.query(f"CREATE TABLE {DATABASE}.e (k BLOB NOT NULL, v INT, PRIMARY KEY (k(10)))")
    mysql.query(f"INSERT INTO {DATABASE}.e VALUES ('a', 0), ('b', 2)")
    failed = precheck(project)
    assert failed.returncode == 3 and "conversion" in failed.stdout, failed.stdout
    assert ddl(project)[f"{DATABASE}.e"]["error"]["cause"]
    statement = tmp_path / "e.sql"
    statement.write_text(f"CREATE TABLE {DATABASE}.e (k VARBINARY(100) NOT NULL PRIMARY KEY, v INT)")
    assert answer(project, "e", "--edit", statement)[0] == 0
    run = project.migrate()
    assert (run.code, run.summary["inconsistent"]) == (0, 0), run
    assert oceanbase.query(f"SELECT k, v FROM {DATABASE}.e ORDER BY k") == ((b"a", 0), (b"b", 2))


def test_an_edited_table_is_not_copied_into_rows_that_are_there(tmp_path, project, mysql, oceanbase):
    mysql.query(f"CREATE TABLE {DATABASE}.e (k BLOB NOT NULL, v INT, PRIMARY KEY (k(10)))")
    assert precheck(project).returncode == 3
    statement = tmp_path / "e.sql"
    statement.write_text(f"CREATE TABLE {DATABASE}.e (k VARBINARY(100) NOT NULL PRIMARY KEY, v INT)")
    assert answer(project, "e", "--edit", statement)[0] == 0
    oceanbase.run(f"CREATE DATABASE {DATABASE};\n{statement.read_text()};\nINSERT INTO {DATABASE}.e VALUES ('own', 1);\n")
    run = project.migrate()
    assert run.code == 3 and "the table exists and has rows" in run.err, run


def test_a_table_that_was_only_planned_takes_nothing_with_it(tmp_path, project, mysql, oceanbase):
    """It is gone from the source before anything was made of it; what has its name there is the user's."""
    assert precheck(project).returncode == 0
    statement = tmp_path / "b.sql"
    statement.write_text(f"CREATE TABLE {DATABASE}.b (id BIGINT PRIMARY KEY)")
    assert answer(project, "b", "--edit", statement)[0] == 0
    mysql.query(f"DROP TABLE {DATABASE}.b")
    oceanbase.run(f"CREATE DATABASE {DATABASE};\n{statement.read_text()};\nINSERT INTO {DATABASE}.b VALUES (5);\n")
    run = project.migrate()
    assert run.code == 0, run
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.b") == ((5,),)


def test_no_statement_is_given_while_a_process_may_make_it(tmp_path, project, mysql):
    assert precheck(project).returncode == 0
    statement = tmp_path / "b.sql"
    statement.write_text(f"CREATE TABLE {DATABASE}.b (id BIGINT PRIMARY KEY)")
    holder = mysql.connect()
    try:
        with holder.cursor() as cursor:  # its precheck waits for the table's definition
            cursor.execute(f"LOCK TABLES {DATABASE}.a WRITE")
        following = godwit.Following(project)
        godwit.wait(lambda: project.show().get("process"), 60, "its process", following.process)
        code, said = answer(project, "b", "--edit", statement)
        assert code != 0 and "PROJECT_BUSY" in said, said
    finally:
        holder.close()
    assert following.stop().code == 130
