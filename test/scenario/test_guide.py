# SPDX-License-Identifier: Apache-2.0
"""What docs/databases.md tells a user to grant is enough for a whole migration, word by word."""
import re

import pytest

import compare
import definitions
import godwit

GUIDE = (godwit.ROOT / "docs" / "databases.md").read_text(encoding="utf-8")
HERE = "shop"  # the guide's database, and its account
ACCOUNT = "mig"
PASSWORD = "s3cret-w0rd"
# MySQL 5.6 comes with a nameless account of this host that goes before those of any host.
HOSTS = ["%", "localhost"]

TABLES = """
CREATE DATABASE shop;
CREATE TABLE shop.parent (id INT PRIMARY KEY, v VARCHAR(20), KEY v (v));
CREATE TABLE shop.child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES shop.parent (id));
CREATE TABLE shop.keyless (a INT);
CREATE VIEW shop.seen AS SELECT id FROM shop.parent;
INSERT INTO shop.parent VALUES (1, 'one'), (2, 'two'), (3, 'three');
INSERT INTO shop.child VALUES (1, 1), (2, 2);
INSERT INTO shop.keyless VALUES (1), (1);
"""
CHANGES = """
ALTER TABLE parent ADD COLUMN w INT DEFAULT 5, ADD KEY w (w);
UPDATE parent SET w = 6 WHERE id = 1;
CREATE TABLE made (id INT PRIMARY KEY, v INT, KEY v (v));
INSERT INTO made VALUES (1, 1);
RENAME TABLE made TO kept;
TRUNCATE TABLE keyless;
INSERT INTO keyless VALUES (7), (7);
CREATE VIEW seen_too AS SELECT id FROM kept;
DROP VIEW seen;
CREATE TABLE gone (id INT PRIMARY KEY);
DROP TABLE gone;
CREATE INDEX i ON kept (v, id);
DROP INDEX v ON kept;
"""


def statements(number):
    """The guide's, of the source or of the destination; its password is no password."""
    blocks = re.findall(r"```sql\n(.*?)```", GUIDE, re.S)
    assert len(blocks) == 2 and all("GRANT" in block for block in blocks), blocks
    return blocks[number].replace("…", PASSWORD)


def grant_of_the_heartbeat():
    found = re.search(r"`([A-Z, ]+ ON ops\.\*)`", GUIDE)
    assert found, "the guide does not say what the heartbeat row needs"
    return found[1]


@pytest.fixture
def accounts(source, oceanbase):
    """As the guide makes them, before there is anything to migrate."""
    def forget():
        for user, host in source.query(f"SELECT User, Host FROM mysql.user WHERE User = '{ACCOUNT}'"):
            source.query(f"DROP USER '{user}'@'{host}'")
        oceanbase.run(f"DROP USER IF EXISTS {ACCOUNT};\n")
        source.drop(HERE, "ops")
        oceanbase.drop(HERE)

    forget()
    for host in HOSTS:
        source.run(statements(0).replace("'%'", f"'{host}'")
                   + f"GRANT {grant_of_the_heartbeat()} TO '{ACCOUNT}'@'{host}';\n")
    oceanbase.run(statements(1))
    yield [godwit.Server(server.name, f"{server.kind}://{ACCOUNT}:{PASSWORD}@127.0.0.1:{server.port}")
           for server in (source, oceanbase)]
    forget()


def test_the_grants_of_the_guide(tmp_path, source, oceanbase, accounts):
    source.run(TABLES)
    p = godwit.Godwit(tmp_path / "state", *accounts, f"{HERE}.*", options=godwit.config(
        tmp_path / "p.toml", 'heartbeat = "ops"\ndefer_indexes = true\n[limits]\nheartbeat_seconds = 1\n'))
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    source.run(CHANGES, HERE)
    godwit.wait(lambda: source.query("SELECT 1 FROM ops.godwit_heartbeat WHERE beats > 1"), 60, "a second beat",
                following.process)
    assert following.stop().code == 130
    run = p.migrate()
    assert run.code == 0, run
    oceanbase.run(f"DELETE FROM {HERE}.parent WHERE id = 3;\n")
    corrected = p.other("verify", p.name, "--correct", timeout=300)
    assert corrected.returncode == 0, corrected.stderr
    assert not compare.servers(source, oceanbase, HERE)
    assert not definitions.differences(source, oceanbase, HERE)
    released = p.other("project", "release", p.name)
    assert released.returncode == 0, released.stderr
