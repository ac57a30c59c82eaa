# SPDX-License-Identifier: Apache-2.0
"""Logging in: passwords of each kind, TLS that must be refused, servers that do not answer, and servers
that ask for what they may not have."""
import socket
import struct
import subprocess
import threading
import time

import pytest

import compare
import conftest
import godwit

PASSWORD = "p%C3%A4ss%20w%3Ford"  # "päss w?ord"
SECRET = "päss w?ord"


def test(url, timeout=60):
    """`godwit datasource test URL`"""
    return subprocess.run([str(godwit.PROGRAM), "datasource", "test", url], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=timeout)


test.__test__ = False


def refused(url, code):
    done = test(url)
    assert done.returncode == 1 and code in done.stderr, done.stderr
    assert "cause:" in done.stderr and "remedy:" in done.stderr, done.stderr
    assert SECRET not in done.stderr and PASSWORD not in done.stderr
    return done.stderr


@pytest.fixture
def account(source):
    """One that logs in by a hash of its password: MySQL 9.7 knows only the newer of the two kinds."""
    # MySQL 5.6 comes with a nameless account of this host that goes before those of any host.
    names = ["'native'@'%%'", "'native'@'localhost'"]

    def drop():
        for user, host in source.query("SELECT User, Host FROM mysql.user WHERE User = 'native'"):
            source.query(f"DROP USER '{user}'@'{host}'")

    drop()
    for name in names:
        source.query(f"CREATE USER {name} IDENTIFIED BY %s", SECRET)
        source.query(f"GRANT ALL ON *.* TO {name}".replace("%%", "%"))
    yield "native"
    drop()


def test_password(tmp_path, source, oceanbase, account):
    file = tmp_path / "password"
    file.write_text(SECRET + "\n")
    url = f"{source.kind}://{account}@127.0.0.1:{source.port}?password_file={file}"
    source.drop("login")
    oceanbase.drop("login")
    source.run("CREATE DATABASE login;\nCREATE TABLE login.t (id INT PRIMARY KEY);\n"
               "INSERT INTO login.t VALUES (1), (2);\n")
    project = godwit.Godwit(tmp_path / "state", godwit.Server("source", url), oceanbase, "login.*")
    run = project.migrate()
    assert run.code == 0, run
    assert not compare.servers(source, oceanbase, "login")
    assert SECRET not in run.err
    for path in (tmp_path / "state").rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    file.write_text("another\n")
    refused(url, "LOGIN_REFUSED")


def test_tls_is_verified(tmp_path):
    url = conftest.server("GODWIT_TEST_MYSQL97TLS_URL", "tls").url
    assert test(url).returncode == 0
    authority = url.split("tls_ca=")[1]
    stranger = tmp_path / "stranger.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
                    "/CN=a stranger", "-keyout", tmp_path / "key", "-out", stranger],
                   check=True, stderr=subprocess.DEVNULL)
    refused(url.replace(authority, str(stranger)), "TLS_FAILED")
    refused(url.replace(f"&tls_ca={authority}", ""), "TLS_FAILED")  # of no authority that this machine knows


def test_tls_that_the_server_does_not_have():
    """No word is spoken that all can read."""
    def let_in(server):
        server.greet()
        server.send(b"\0\0\0\2\0\0\0")
        server.receive()

    server = RogueServer(let_in)
    with server as url:
        refused(f"{url}?tls=on", "TLS_FAILED")
    assert b"rogue" in server.heard and b"SET" not in server.heard


@pytest.mark.parametrize("option", ["tsl=verify", "tls=verfy", "tls_ca=/ca.pem", "connect_timeout=0"])
def test_options_that_nobody_knows(tmp_path, option):
    """Nobody is connected with, least of all in clear, and nothing is stored."""
    server = RogueServer(RogueServer.greet)
    with server as url:
        wrong, right = f"{url}?{option}", url.replace("mysql://", "oceanbase://")
        replica = godwit.config(tmp_path / "p.toml", f'replicas = ["{wrong}"]')
        migrate = ["migrate", "--objects", "a.*"]
        for words in (["datasource", "test", wrong], ["datasource", "add", "a", wrong],
                      [*migrate, "--source", wrong, "--destination", right],
                      [*migrate, "--source", url, "--destination", wrong.replace("mysql://", "oceanbase://")],
                      [*migrate, "--source", url, "--destination", right, *replica]):
            done = subprocess.run([godwit.PROGRAM, *words, "--state-dir", tmp_path / "state"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
            assert done.returncode == 2 and "URL_OPTION_INVALID" in done.stderr, (words, done.stderr)
            assert "cause:" in done.stderr and "remedy:" in done.stderr, done.stderr
    assert not server.heard
    listed = [subprocess.run([godwit.PROGRAM, kind, "list", "--state-dir", tmp_path / "state"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout for kind in ("project", "datasource")]
    assert not any("127.0.0.1" in shown for shown in listed), listed


def test_a_server_that_never_answers():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begin = time.monotonic()
        refused(f"mysql://root@127.0.0.1:{silent.getsockname()[1]}?connect_timeout=2", "CONNECTION_")
        assert 1.5 < time.monotonic() - begin < 8


class RogueServer:
    """Speaks as much of the protocol as it takes to ask a client for something."""

    CAPABILITIES = 0x00000200 | 0x00008000 | 0x00080000 | 0x00000001  # 4.1, secure, plugins, long password

    def __init__(self, behave):
        self.behave, self.heard = behave, b""

    def __enter__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return f"mysql://rogue:{PASSWORD}@127.0.0.1:{self.listener.getsockname()[1]}"

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def serve(self):
        while True:
            try:
                self.client, _ = self.listener.accept()
            except OSError:
                return
            self.sequence = 0
            with self.client:
                self.client.settimeout(20)
                try:
                    self.behave(self)
                except (OSError, EOFError):
                    pass  # the client has left

    def send(self, payload):
        self.client.sendall(struct.pack("<I", len(payload))[:3] + bytes([self.sequence]) + payload)
        self.sequence = (self.sequence + 1) % 256

    def receive(self):
        head = self.exactly(4)
        payload = self.exactly(int.from_bytes(head[:3], "little"))
        self.sequence = head[3] + 1
        self.heard += payload
        return payload

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.client.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def greet(self):
        capabilities = struct.pack("<I", self.CAPABILITIES)
        self.send(b"\x0a8.0.99\0" + struct.pack("<I", 7) + b"12345678\0" + capabilities[:2] + b"\x2d\x02\0" +
                  capabilities[2:] + bytes([21]) + bytes(10) + b"123456789012\0mysql_native_password\0")
        return self.receive()

    def answer(self, *row):
        """A result of this one row."""
        text = lambda value: bytes([len(value)]) + value.encode()
        self.send(bytes([len(row)]))
        for _ in row:
            self.send(text("def") + 4 * text("") + text("column") + b"\0" + b"\x0c\x2d\0" +
                      struct.pack("<I", 255) + b"\xfd" + bytes(5))
        self.send(b"\xfe\0\0\2\0")
        self.send(b"".join(map(text, row)))
        self.send(b"\xfe\0\0\2\0")


def test_the_password_is_not_given_away():
    def ask_for_it(server):
        server.greet()
        server.send(b"\xfemysql_clear_password\0")
        server.receive()

    server = RogueServer(ask_for_it)
    with server as url:
        done = test(url)
    assert done.returncode == 1 and "LOGIN_REFUSED" in done.stderr and server.heard, done.stderr
    assert SECRET.encode() not in server.heard


def test_files_are_not_given_away(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("of this machine only")

    def ask_for_it(server):
        server.greet()
        server.send(b"\0\0\0\2\0\0\0")
        server.receive()  # any statement
        server.send(b"\xfb" + str(secret).encode())
        for _ in range(3):
            server.receive()

    server = RogueServer(ask_for_it)
    with server as url:
        done = test(url)
    assert done.returncode == 1 and b"SET NAMES" in server.heard, (done.stderr, server.heard)
    assert secret.read_bytes() not in server.heard


# --- what the URL says of the server ---


def test_a_server_of_another_kind(tmp_path, source, oceanbase):
    """Nothing is tried with the words of the wrong one."""
    taken_for_oceanbase = godwit.Server(source.name, source.url.replace(f"{source.kind}://", "oceanbase://"))
    taken_for_mysql = godwit.Server("oceanbase", oceanbase.url.replace("oceanbase://", "mysql://"))
    for url, right in ((taken_for_oceanbase.url, "mysql://"), (taken_for_mysql.url, "oceanbase://"),
                       (oceanbase.url.replace("oceanbase://", "mariadb://"), "oceanbase://")):
        assert f"write {right} for it" in refused(url, "SERVER_KIND_MISMATCH")
    for server in (source, oceanbase):
        server.drop("login")
    source.run("CREATE DATABASE login;\nCREATE TABLE login.t (id INT PRIMARY KEY);\n")
    for name, here, there in (("one", taken_for_oceanbase, oceanbase), ("two", source, taken_for_mysql)):
        run = godwit.Godwit(tmp_path / name, here, there, "login.*").migrate()
        assert (run.code, run.summary["status"]) == (1, "failed"), run
        errors = [event["code"] for event in run.events if event["event"] == "error"]
        assert errors == ["SERVER_KIND_MISMATCH"], run
    assert not oceanbase.query("SHOW DATABASES LIKE 'login'")


@pytest.mark.parametrize("scheme", ["mysql", "oceanbase"])
def test_a_user_of_a_tenant_logs_in_by_that_name(scheme):
    """As OceanBase's proxies know accounts: user@tenant#cluster, encoded in the URL and nowhere else."""
    def turn_away(server):
        server.greet()
        server.send(b"\xff" + struct.pack("<H", 1045) + b"#28000there is no such account")

    server = RogueServer(turn_away)
    with server as url:
        shown = refused(url.replace("mysql://rogue", f"{scheme}://mig%40tenant%23cluster"), "LOGIN_REFUSED")
    assert b"\0mig@tenant#cluster\0" in server.heard, server.heard
    assert "mig%40tenant%23cluster@127.0.0.1" in shown, shown


def test_a_tenant_of_oracles_mode():
    """It speaks this protocol too; no more than its mode is asked for."""
    answers = {b"@@session.sql_mode": ("NO_AUTO_VALUE_ON_ZERO",),
               b"ob_compatibility_mode": ("ob_compatibility_mode", "ORACLE")}

    def speak(server):
        server.greet()
        server.send(b"\0\0\0\2\0\0\0")
        while True:
            asked = server.receive()
            row = next((row for words, row in answers.items() if words in asked), None)
            server.answer(*row) if row else server.send(b"\0\0\0\2\0\0\0")

    server = RogueServer(speak)
    with server as url:
        shown = refused(url.replace("mysql://", "oceanbase://"), "ORACLE_TENANT")
    assert "user@tenant" in shown and b"VERSION()" not in server.heard, (shown, server.heard)
