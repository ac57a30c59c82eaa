# SPDX-License-Identifier: Apache-2.0
"""What the source defines and writes while a large table is still being copied, and other tables are
waiting for their turn or have had it."""
import pytest

import compare
import conftest
import godwit
from copying import DATABASE, LARGE, SLOW, Copy, cascading


def test_the_key_that_it_is_read_by_goes(tmp_path, mysql, oceanbase):
    copy = Copy(tmp_path, mysql, oceanbase, "ALTER TABLE large ADD COLUMN w INT, ADD UNIQUE KEY by_w (w);\nUPDATE large SET "
                "w = id;\nALTER TABLE large MODIFY w INT NOT NULL, DROP PRIMARY KEY;\n")
    copy.start()
    copy.change("ALTER TABLE large DROP KEY by_w, ADD PRIMARY KEY (id);\nUPDATE large SET w = w + 1;\n")
    copy.finish()


@pytest.mark.parametrize("change", ["TRUNCATE TABLE large;\nINSERT INTO large VALUES (3, 'new');\n",
                                    "DELETE FROM large WHERE id < 900;\nUPDATE large SET id = id + 50000 WHERE id "
                                    "< 1000;\nALTER TABLE large ADD COLUMN w INT;\n"], ids=["truncated", "altered"])
def test_a_table_of_the_users_own_is_copied_again(tmp_path, mysql, oceanbase, change):
    """Rows that an overtaken copy left there, and the source has no longer, go."""
    altered = ", w INT" if "ADD COLUMN" in change else ""
    copy = Copy(tmp_path, mysql, oceanbase, "", f"CREATE TABLE large (id INT PRIMARY KEY, v VARCHAR(200){altered});\n")
    copy.start()
    copy.change(change)
    copy.finish()


# What the user made of `large`, what the source alters of it during its copy, what becomes of it at the
# destination, and the answer that is needed for that. LATER is what has come after the copy.
OWN = {
    "unique": ("", "ADD UNIQUE KEY later (v)", "unique key `later` (`v`)", None),
    "plain index": ("", "ADD KEY later (v)", "key `later` (`v`)", None),
    "column and index": (", w INT", "ADD COLUMN w INT, ADD UNIQUE KEY later (w)", "unique key `later` (`w`)", None),
    "hidden index": ("", "ADD KEY later (v) INVISIBLE", "key `later` (`v`)", None),
    "index again": (", KEY later (id, v)", "DROP KEY later, ADD KEY later (v)", "key `later`", "--done"),
    "wider": (", v2 VARCHAR(9)", "MODIFY v2 VARCHAR(90)", "`v2` varchar(90)", None),
    "dropped": (", v2 VARCHAR(9)", "DROP COLUMN v2", None, None),
    "partition": (") PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (0), PARTITION b VALUES LESS THAN (99999)",
                  "TRUNCATE PARTITION a", "partition `a`", "--done"),
}


@pytest.mark.parametrize("case", OWN)
def test_what_alters_a_table_of_the_users_own_during_its_copy(tmp_path, mysql, oceanbase, case):
    """The copy that comes again does not bring it there; where it could harm the rows, the user is asked."""
    tail, change, expected, answer = OWN[case]
    there = tail if "ADD COLUMN" not in change else ", w INT"
    copy = Copy(tmp_path, mysql, oceanbase, "", f"CREATE TABLE large (id INT PRIMARY KEY, v VARCHAR(200){there});\n")
    if "ADD COLUMN" not in change:
        mysql.run(f"DROP TABLE large;\nCREATE TABLE large (id INT PRIMARY KEY, v VARCHAR(200){tail});\n"
                  "SET SESSION cte_max_recursion_depth = 100000;\nINSERT INTO large (id, v) WITH RECURSIVE n(i) AS (SELECT "
                  "1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) SELECT i, CONCAT(REPEAT('x', 150), i) FROM n;\n"
                  "ANALYZE TABLE large;\n", DATABASE)
    copy.start()
    copy.change(f"ALTER TABLE large {change};\nINSERT INTO large (id, v) VALUES (-1, 'later');\n")
    if answer:
        assert copy.run.process.wait(120) == 5
        [item] = copy.project.show()["blocked"]
        assert "happened before the table's copy" in str(item), item
        if "KEY" in change:  # what is done by hand
            oceanbase.run("".join(f"ALTER TABLE large {part};\n" for part in change.split(", ")), DATABASE)
        copy.project.resolve(item["item"], answer)
        copy.run = godwit.Following(copy.project)
    copy.finish()
    made = oceanbase.query(f"SHOW CREATE TABLE {DATABASE}.large")[0][1].lower()
    assert expected in made if expected else "v2" not in made, made


@pytest.mark.parametrize("after", ["", "DROP TABLE early;\n"], ids=["kept", "dropped"])
def test_a_table_is_made_like_one_that_is_altered_later(tmp_path, mysql, oceanbase, after):
    """By then its pattern is there as its second copy left it."""
    copy = Copy(tmp_path, mysql, oceanbase, "")
    copy.start()
    copy.change("CREATE TABLE early LIKE large;\nINSERT INTO early VALUES (1, 'one');\nALTER TABLE large ADD COLUMN w INT "
                "NOT NULL, ADD UNIQUE KEY by_w (w, id);\n" + after)
    copy.finish()


def test_a_keyless_table_is_altered_before_its_turn(tmp_path, mysql, oceanbase):
    copy = Copy(tmp_path, mysql, oceanbase, "CREATE TABLE k (v INT);\nINSERT INTO k VALUES (1), (2), (2);\n")
    copy.start()
    copy.change("ALTER TABLE k ADD COLUMN c VARCHAR(20);\nUPDATE k SET c = CONCAT('c', v);\n")
    copy.finish()


@pytest.mark.parametrize("change", [
    "ALTER TABLE large ADD INDEX later (v);\n",
    "ALTER TABLE large ADD COLUMN w INT, ADD INDEX later (w);\nUPDATE large SET w = id;\n",
    "ALTER TABLE large DROP INDEX early;\n",
    "RENAME TABLE large TO moved;\n",
    "TRUNCATE TABLE large;\nINSERT INTO large VALUES (3, 'new');\n",
    "DROP TABLE large;\nCREATE TABLE large (id INT PRIMARY KEY, other INT);\nINSERT INTO large VALUES (1, 2);\n"],
    ids=["index", "column and index", "index dropped", "renamed", "truncated", "made anew"])
def test_a_table_is_altered_after_its_turn(tmp_path, mysql, oceanbase, change):
    """Its indexes are made as it was copied; what came since comes in its place among the changes."""
    copy = Copy(tmp_path, mysql, oceanbase, "ALTER TABLE large ADD INDEX early (v);\n"
                "CREATE TABLE second (id INT PRIMARY KEY, v INT);\nINSERT INTO second SELECT id, id FROM large;\n"
                "ANALYZE TABLE second;\n")
    copy.start_behind("large")
    copy.change(change)
    copy.finish()


def test_a_cascading_key_comes_after_its_rows_were_rewritten(tmp_path, oceanbase):
    """Made before the changes that came before it, it would delete children that the source has."""
    mysql56 = conftest.server(conftest.SOURCES["mysql56"], "mysql56")  # which logs no cascades
    copy = cascading(tmp_path, mysql56, oceanbase,
                     "CREATE TABLE p (id INT PRIMARY KEY, pad VARCHAR(8000));\n"
                     "CREATE TABLE c (id INT PRIMARY KEY, p INT, pad VARCHAR(8000));\n"
                     "CREATE TABLE last (id INT PRIMARY KEY, v INT);\n",
                     {"p": "({0}, REPEAT('x', 4000))", "c": "({0}, {0}, REPEAT('x', 4000))", "last": "({0}, {0})"})
    copy.start_behind("p", "c")
    copy.change("DELETE FROM p WHERE id = 1;\nINSERT INTO p VALUES (1, 'again');\n"
                "ALTER TABLE c ADD CONSTRAINT later FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE;\n")
    copy.finish()


@pytest.mark.parametrize("there, rules", [
    ("CREATE TABLE t (id INT, v INT);\n", ""),
    ("", f'objects = [{{rule = "{DATABASE}.t", exclude_columns = ["id"]}}, "{DATABASE}.*"]\n')],
    ids=["no key there", "key left out"])
def test_a_key_that_only_the_source_has(tmp_path, mysql, oceanbase, there, rules):
    """What is written between the start and the reading must not come twice."""
    copy = Copy(tmp_path, mysql, oceanbase,
                "CREATE TABLE t (id INT PRIMARY KEY, v INT);\nINSERT INTO t VALUES (1, 1), (2, 2);\n", there)
    if rules:
        (tmp_path / "p.toml").write_text(rules + SLOW)
        copy.project.objects = []
    copy.start()
    copy.change("INSERT INTO t VALUES (3, 3), (4, 4);\nUPDATE t SET v = 9 WHERE id = 1;\nDELETE FROM t WHERE id = 2;\n")
    copy.run.wait_stage("incremental", "running", seconds=120)
    assert copy.run.stop().code == 130
    run = copy.project.migrate()
    assert run.code == 0, run
    assert sorted(v for v, in oceanbase.query(f"SELECT v FROM {DATABASE}.t")) == [3, 4, 9]


def test_a_unique_value_that_the_server_computes(tmp_path, mysql, oceanbase):
    """A change that comes again clashes with a row that its cells do not name."""
    copy = Copy(tmp_path, mysql, oceanbase, "CREATE TABLE g (id INT PRIMARY KEY, a INT, b INT AS (a * 2) STORED, "
                "UNIQUE KEY (b));\nINSERT INTO g (id, a) VALUES (1, 1);\n")
    copy.start()
    copy.change("UPDATE g SET a = 10 WHERE id = 1;\nUPDATE g SET a = 11 WHERE id = 1;\n"
                "INSERT INTO g (id, a) VALUES (2, 10);\n")
    copy.finish()


def test_a_table_in_the_way_is_not_dropped(tmp_path, mysql, oceanbase):
    """The source makes a table after precheck has looked, and the destination has one of that name."""
    copy = Copy(tmp_path, mysql, oceanbase, "")
    copy.start()
    copy.change("CREATE TABLE x (id INT PRIMARY KEY, v INT);\nINSERT INTO x VALUES (1, 1);\n")
    oceanbase.run("CREATE TABLE x (precious INT);\nINSERT INTO x VALUES (7);\n", DATABASE)
    copy.run.kill()
    run = copy.project.migrate()
    assert run.code != 0, run
    assert oceanbase.query(f"SELECT precious FROM {DATABASE}.x") == ((7,),)
    oceanbase.run("DROP TABLE x;\n", DATABASE)
    run = copy.project.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, DATABASE)


@pytest.mark.parametrize("before", ["", "RENAME TABLE k TO k2;\nINSERT INTO k2 VALUES (3);\n",
                                    "RENAME TABLE k TO k_old, keyed TO k;\nUPDATE k SET v = v + 1;\n",
                                    "CREATE TABLE k3 (id INT PRIMARY KEY);\nINSERT INTO k3 VALUES (1);\n"],
                         ids=["altered", "renamed", "exchanged", "made"])
def test_a_copy_that_fails_leaves_no_table_behind(tmp_path, mysql, oceanbase, before):
    """What waits for its turn when another table's reading fails by a DDL is copied all the same, under the
    name that it has by then."""
    copy = Copy(tmp_path, mysql, oceanbase, "CREATE TABLE k (v INT);\nINSERT INTO k VALUES (1), (2), (2);\n"
                "CREATE TABLE keyed (id INT PRIMARY KEY, v INT);\nINSERT INTO keyed VALUES (1, 1), (2, 2);\n")
    copy.start()
    copy.change(before + "ALTER TABLE large DROP COLUMN v, ADD COLUMN w INT;\n")
    copy.finish()


@pytest.mark.parametrize("after", ["", "CREATE TABLE late (id INT PRIMARY KEY, other INT);\n"
                                       "INSERT INTO late VALUES (1, 2);\n"], ids=["dropped", "made anew"])
def test_a_table_is_dropped_before_its_turn(tmp_path, mysql, oceanbase, after):
    """The log has what was done to rows that were never copied, and then that they are gone; the copy is
    interrupted in between."""
    copy = Copy(tmp_path, mysql, oceanbase, "CREATE TABLE late (v INT);\nINSERT INTO late VALUES (1), (2), (3);\n")
    copy.start()
    copy.change("INSERT INTO late VALUES (4);\nDELETE FROM late WHERE v = 1;\nALTER TABLE late ADD COLUMN c INT;\n"
                "UPDATE late SET c = 7;\nDROP TABLE late;\n" + after)
    copy.run.kill()
    copy.run = godwit.Following(copy.project)
    copy.finish()


@pytest.mark.parametrize("change", ["RENAME TABLE large TO base;\nCREATE VIEW large AS SELECT id FROM base;\n",
                                    "CREATE VIEW was AS SELECT 1 AS a;\nDROP VIEW was;\nRENAME TABLE large TO was;\n"])
def test_a_view_has_the_name_of_a_table(tmp_path, mysql, oceanbase, change):
    """After it, or before it: that the table is copied says nothing of the view."""
    copy = Copy(tmp_path, mysql, oceanbase, "")
    copy.start()
    copy.change(change)
    copy.finish()
    views = [name for name, in mysql.query(f"SELECT table_name FROM information_schema.views WHERE table_schema = "
                                           f"'{DATABASE}'")]
    assert views == [name for name, in oceanbase.query("SELECT table_name FROM information_schema.views WHERE "
                                                       f"table_schema = '{DATABASE}'")]


@pytest.mark.parametrize("is_killed", [True, False], ids=["while nobody copies", "meanwhile"])
def test_a_database_is_made_anew(tmp_path, mysql, oceanbase, is_killed):
    """One of its tables was copied before, and is not made again; the other is; a third has come and gone."""
    copy = Copy(tmp_path, mysql, oceanbase, "CREATE TABLE gone (id INT PRIMARY KEY, v VARCHAR(200));\n"
                "INSERT INTO gone SELECT id, v FROM large LIMIT 3000;\nINSERT INTO gone SELECT id + 20000, v FROM large;\n"
                "ANALYZE TABLE gone;\n")
    copy.start_behind("gone")
    assert not copy.is_copied("large")
    mysql.run("CREATE TABLE made (id INT PRIMARY KEY);\nINSERT INTO made VALUES (1);\n", DATABASE)
    if is_killed:
        copy.run.kill()
    mysql.run(f"DROP DATABASE {DATABASE};\nCREATE DATABASE {DATABASE};\n"
              f"CREATE TABLE {DATABASE}.large (id INT PRIMARY KEY, w INT);\nINSERT INTO {DATABASE}.large VALUES (1, 2);\n")
    if is_killed:
        copy.run = godwit.Following(copy.project)
    copy.finish()
    assert oceanbase.query(f"SHOW TABLES FROM {DATABASE}") == (("large",),)


@pytest.mark.parametrize("source", ["mysql56", "mariadb"], indirect=True)  # which log no cascades
def test_a_cascading_key_to_a_table_that_waits(tmp_path, source, oceanbase):
    """The child is copied, the parent waits for the snapshot of its group: the children go unlogged."""
    copy = cascading(tmp_path, source, oceanbase,
                     "CREATE TABLE p (id INT PRIMARY KEY);\nINSERT INTO p VALUES (1), (2), (3);\n"
                     "CREATE TABLE d (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE);\n"
                     "INSERT INTO d VALUES (1, 1), (2, 2);\n"
                     "CREATE TABLE c (id INT PRIMARY KEY, p INT, pad VARCHAR(8000));\n"
                     "CREATE TABLE last (id INT PRIMARY KEY);\n",
                     {"c": "({0}, {0} % 3 + 1, REPEAT('x', 4000))", "last": "({0})"})
    copy.start_behind("c")
    assert not copy.is_copied("p")
    copy.change("ALTER TABLE c ADD CONSTRAINT later FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE;\n"
                "DELETE FROM p WHERE id = 1;\n")
    copy.finish()
