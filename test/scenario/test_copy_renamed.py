# SPDX-License-Identifier: Apache-2.0
"""What the source renames, makes and drops while a table is copied, and whose the tables of those names are."""
import pytest

import compare
import godwit
import proxy
from copying import DATABASE, Copy, cascading

NO_SCHEMA = ["--types", "full,incremental,verification"]
LARGE_THERE = "CREATE TABLE large (id INT PRIMARY KEY, v VARCHAR(200));\n"
PRECIOUS = "CREATE TABLE passing (id INT PRIMARY KEY, v VARCHAR(200));\nINSERT INTO passing VALUES (7, 'precious');\n"


def precious(oceanbase):
    return oceanbase.query(f"SELECT v FROM {DATABASE}.passing") == (("precious",),)


def test_a_name_that_passes_by_is_not_the_projects(tmp_path, mysql, oceanbase):
    """The destination has a table of that name, which nobody has asked for."""
    copy = Copy(tmp_path, mysql, oceanbase, "", PRECIOUS)
    copy.start()
    copy.change("CREATE TABLE fresh LIKE large;\nINSERT INTO fresh VALUES (1, 'fresh');\n"
                "RENAME TABLE large TO passing, fresh TO large;\nDROP TABLE passing;\n")
    copy.run.wait_stage("incremental", "running", seconds=120)
    assert precious(oceanbase)
    oceanbase.run("DROP TABLE passing;\n", DATABASE)
    copy.finish()


def test_a_new_name_is_taken_by_other_rows(tmp_path, mysql, oceanbase):
    """Without schema migration a table is copied into the one that is there, but not over rows of others."""
    copy = Copy(tmp_path, mysql, oceanbase, "", LARGE_THERE + PRECIOUS, options=NO_SCHEMA)
    copy.start()
    copy.change("RENAME TABLE large TO passing;\n")
    assert copy.run.process.wait(120) in (1, 5)
    assert precious(oceanbase)
    run = copy.project.migrate()
    assert "TABLE_IN_THE_WAY" in run.err and precious(oceanbase), run
    oceanbase.run("DELETE FROM passing;\nDROP TABLE large;\n", DATABASE)
    copy.run = godwit.Following(copy.project)
    copy.finish()


def test_a_table_of_the_users_own_is_dropped_before_its_turn(tmp_path, mysql, oceanbase):
    """What the log has of it until then is dropped with it, also after a restart."""
    late = "CREATE TABLE late (id INT PRIMARY KEY, v INT);\n"
    copy = Copy(tmp_path, mysql, oceanbase, late + "INSERT INTO late VALUES (1, 1), (2, 2);\n", LARGE_THERE + late,
                options=NO_SCHEMA)
    copy.start()
    copy.change("INSERT INTO late VALUES (3, 3);\nUPDATE late SET v = 9 WHERE id = 1;\nDELETE FROM late WHERE id = 2;\n"
                "DROP TABLE late;\n")
    copy.run.kill()
    copy.run = godwit.Following(copy.project)
    copy.run.wait_stage("incremental", "running", seconds=120)
    oceanbase.run("DROP TABLE late;\n", DATABASE)
    copy.finish()


@pytest.mark.parametrize("source", ["mysql56", "mariadb", "mysql97"], indirect=True)
@pytest.mark.parametrize("change", ["RENAME TABLE p TO p2;\n", "ALTER TABLE p RENAME TO p2;\n",
                                    "ALTER TABLE p CHANGE id number INT;\n"], ids=["rename", "alter", "column"])
def test_the_parent_of_a_cascading_key_is_renamed(tmp_path, source, oceanbase, change):
    """The keys of its children follow it, and so do the children."""
    copy = cascading(tmp_path, source, oceanbase,
                     "CREATE TABLE p (id INT PRIMARY KEY);\n"
                     "CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT bond FOREIGN KEY (p) REFERENCES p (id) ON "
                     "DELETE CASCADE);\nCREATE TABLE last (id INT PRIMARY KEY, pad VARCHAR(200));\n",
                     {"p": "({0})", "c": "({0}, {0})", "last": "({0}, REPEAT('x', 150))"})
    copy.start("last")
    parent, key = ("p", "number") if "CHANGE" in change else ("p2", "id")
    copy.change(change + f"INSERT INTO c VALUES (1000, 5);\nDELETE FROM {parent} WHERE {key} BETWEEN 1 AND 100;\n")
    copy.finish()


class Goes:
    """Writes to a table and drops it when the place is known from which it is to be copied again."""

    def __init__(self, source):
        self.source, self.is_armed, self.is_due = source, False, False

    def __call__(self, statement):
        if statement == b"UNLOCK TABLES" and self.is_armed:
            self.is_armed, self.is_due = False, True
        elif self.is_due and statement.startswith(b"SHOW CREATE TABLE"):
            self.is_due = False
            self.source.run("INSERT INTO t VALUES (3, 3, 3);\nDROP TABLE t;\n", DATABASE)
        return False  # nothing is to break


def test_a_table_goes_as_its_copy_begins_again(tmp_path, mysql, oceanbase):
    copy = Copy(tmp_path, mysql, oceanbase,
                "CREATE TABLE t (id INT PRIMARY KEY, v INT);\nINSERT INTO t VALUES (1, 1), (2, 2);\n")
    with proxy.Proxy(mysql) as between:
        goes = Goes(mysql)
        between.add(proxy.Fault("none", goes))
        copy.project.source = between.as_server()
        copy.start()
        copy.change("ALTER TABLE large ADD COLUMN w INT;\nALTER TABLE t ADD COLUMN w INT;\n")
        goes.is_armed = True
        copy.finish()
        assert not goes.is_armed and not goes.is_due


def test_what_the_log_makes_is_left_to_replay(tmp_path, mysql, oceanbase):
    """Otherwise a source that makes tables all the time would never be copied."""
    copy = Copy(tmp_path, mysql, oceanbase, "")
    copy.start()
    copy.change("CREATE TABLE made (id INT PRIMARY KEY, v INT);\nINSERT INTO made VALUES (1, 1);\n"
                "CREATE TABLE gone (id INT PRIMARY KEY, v INT);\nINSERT INTO gone VALUES (1, 1);\nDROP TABLE gone;\n"
                "ALTER TABLE large ADD COLUMN w INT;\n")
    copy.finish()
    assert copy.is_copied("large") and not copy.is_copied("made") and not copy.is_copied("gone")
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.made") == ((1, 1),)


def test_a_table_comes_into_the_selection_during_the_copy(tmp_path, mysql, oceanbase):
    """Nobody has its rows: the user is asked in the place of its name, also after a restart of the copy."""
    mysql.drop("staging")
    mysql.run("CREATE DATABASE staging;\nCREATE TABLE staging.x (id INT PRIMARY KEY);\nINSERT INTO staging.x VALUES (1);\n")
    copy = Copy(tmp_path, mysql, oceanbase, "")
    copy.start()
    copy.change(f"RENAME TABLE staging.x TO {DATABASE}.x;\n")
    copy.run.kill()
    run = copy.project.migrate()
    assert run.code == 5, run
    [item] = copy.project.show()["blocked"]
    assert "RENAME" in str(item), item
    oceanbase.run("CREATE TABLE x (id INT PRIMARY KEY);\nINSERT INTO x VALUES (1);\n", DATABASE)
    copy.project.resolve(item["item"], "--done")
    run = copy.project.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, DATABASE)
