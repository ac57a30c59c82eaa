# SPDX-License-Identifier: Apache-2.0
"""Items of the precheck that need a server in a certain state to say something."""
import sqlite3
import subprocess

import godwit

DATABASE = "judged"


def precheck(tmp_path, mysql, oceanbase, *options):
    p = godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*")
    words = [str(word) for word in p.arguments(*options)]
    words[1] = "precheck"
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120)


def fresh(mysql, oceanbase, script):
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\n")
    mysql.run(script, DATABASE)


def test_names_that_fold_together(tmp_path, mysql, oceanbase):
    assert oceanbase.query("SELECT @@lower_case_table_names")[0][0] == 1
    assert mysql.query("SELECT @@lower_case_table_names")[0][0] == 0
    fresh(mysql, oceanbase, "CREATE TABLE Orders (id INT PRIMARY KEY);\n"
                            "CREATE TABLE orders (id INT PRIMARY KEY);\n")
    done = precheck(tmp_path, mysql, oceanbase)
    assert done.returncode == 3, done.stderr
    assert "name_unique" in done.stderr and "lower_case_table_names" in done.stderr


def test_a_row_that_no_packet_holds(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, big LONGBLOB);\n"
                            "INSERT INTO t VALUES (1, REPEAT('x', 3000000)), (2, NULL);\n")
    before = oceanbase.query("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    oceanbase.run("SET GLOBAL max_allowed_packet = 2097152;\n")
    try:
        done = precheck(tmp_path, mysql, oceanbase)
    finally:
        oceanbase.run(f"SET GLOBAL max_allowed_packet = {before};\n")
    assert done.returncode == 3, done.stderr
    assert "max_allowed_packet" in done.stderr and "3000" in done.stderr


def test_every_item_is_listed(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY, v INT);\n")
    done = precheck(tmp_path, mysql, oceanbase)
    assert done.returncode == 0, done.stderr
    journal = sqlite3.connect(tmp_path / "state" / "godwit.db")
    listed = {row[0].split()[0].split("@")[0] for row in
              journal.execute("SELECT object FROM journal WHERE stage = 'precheck'")}
    for item in ("connection", "version", "clock", "lower_case_table_names", "sql_mode", "time_zone",
                 "charset", "column_type", "key", "read_privilege", "engine", "log_bin",
                 "binlog_format", "binlog_row_image", "server_id", "binlog_order_commits",
                 "log_retention", "replication_client", "replication_slave", "reload",
                 "write_privilege", "database_privilege", "max_allowed_packet", "trigger",
                 "read_only", "data_disk", "log_disk"):
        assert item in listed, item


def test_heartbeat_without_the_right_to_write_it(tmp_path, mysql, oceanbase):
    fresh(mysql, oceanbase, "CREATE TABLE t (id INT PRIMARY KEY);\n")
    mysql.run("DROP USER IF EXISTS reader;\nCREATE USER reader;\n"
              "GRANT SELECT, RELOAD, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO reader;\n")
    config = tmp_path / "project.toml"
    config.write_text('heartbeat = "nowhere_to_write"\n')
    reader = godwit.Server("reader", mysql.url.replace("root@", "reader@"))
    done = precheck(tmp_path, reader, oceanbase, "--config", config)
    mysql.run("DROP USER reader;\n")
    assert done.returncode == 3, done.stderr
    assert "heartbeat" in done.stderr and "nowhere_to_write" in done.stderr
    done = precheck(tmp_path / "other", mysql, oceanbase, "--config", config)
    assert done.returncode == 0, done.stderr
    mysql.drop("nowhere_to_write")
