# SPDX-License-Identifier: Apache-2.0
"""A proxy between Godwit and one server, on 127.0.0.1, that reads just enough of the MySQL protocol
(its packets) to break a connection at a chosen place. Knows nothing of Godwit."""
import socket
import struct
import threading
import time

import godwit

BLOCK = 64 * 1024
QUERY = b"\x03"


def packet(stream):
    """One packet with its header, or None at the end of the stream."""
    header = exactly(stream, 4)
    if header is None:
        return None
    length = header[0] | header[1] << 8 | header[2] << 16
    payload = exactly(stream, length)
    return None if payload is None else header + payload


def exactly(stream, count):
    parts = []
    while count:
        try:
            part = stream.recv(min(count, BLOCK))
        except OSError:
            return None
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def close(stream):
    """With a reset, as a broken network does; also wakes who reads from it."""
    try:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    stream.close()


class Fault:
    """Where the next connections break. `matches` looks at a statement (bytes); the first `skip`
    matches pass, then one of every `every` is hit, `times` in all."""

    def __init__(self, kind, matches, skip=0, every=1, times=1, count=0):
        self.kind, self.matches = kind, matches
        self.skip, self.every, self.times = skip, every, times
        self.bytes = count  # of an answer, that still pass
        self.seen = self.hits = 0
        self.moments = []  # of the hits
        self.lock = threading.Lock()

    def hit(self, statement):
        if not self.matches(statement):
            return False
        with self.lock:
            self.seen += 1
            past = self.seen - self.skip
            if past <= 0 or past % self.every or self.hits >= self.times:
                return False
            self.hits += 1
            self.moments.append(time.monotonic())
            return True


class Refusal(Fault):
    """The server is not asked: the client gets this error instead, and `closes`: loses the connection."""

    def __init__(self, matches, code, message, closes=False, **which):
        super().__init__("refuse", matches, **which)
        self.closes = closes
        text = b"\xff" + struct.pack("<H", code) + b"#HY000" + message.encode()
        self.answer = struct.pack("<I", len(text))[:3] + b"\x01" + text


def is_commit(statement):
    return statement == b"COMMIT"


class Connection:
    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        self.server = socket.create_connection(("127.0.0.1", proxy.server.port), 10)
        self.server.settimeout(None)
        for stream in (self.client, self.server):
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer_left = None   # bytes of the answer that pass before the cut
        self.swallow = False      # the next answer is read and kept from the client
        self.orphan = False       # the server does not learn that its client is gone
        for run in (self.forward, self.back):
            threading.Thread(target=run, daemon=True).start()

    def end(self):
        close(self.client)
        close(self.server)
        self.proxy.forget(self)

    def forward(self):
        while (data := packet(self.client)) is not None:
            fault = self.proxy.fault_for(data)
            kind = fault.kind if fault else None
            if kind == "before":
                break
            if kind == "hold":  # the server does not learn that its client is gone
                close(self.client)
                return
            if kind == "refuse":
                self.client.sendall(fault.answer)
                if fault.closes:
                    break
                continue
            if kind == "orphan":
                self.orphan = True
            elif kind == "after":
                self.swallow = True
            elif kind == "answer":
                self.answer_left = fault.bytes
            try:
                self.server.sendall(data)
            except OSError:
                break
        if not self.orphan:
            self.end()

    def back(self):
        while True:
            try:
                data = self.server.recv(BLOCK)
            except OSError:
                break
            if not data or self.swallow:
                break
            self.proxy.pass_slowly(len(data))
            if self.answer_left is not None:
                self.answer_left -= len(data)
                if self.answer_left <= 0:
                    break
            try:
                self.client.sendall(data)
            except OSError:
                if not self.orphan:
                    break
        self.end()


class Proxy:
    """`url` leads to `server` through the proxy. Use as a context."""

    def __init__(self, server):
        self.server = server
        self.faults, self.connections = [], set()
        self.bytes_per_second = self.delay = 0
        self.lock = threading.Lock()
        self.listener = None
        self.port = 0

    def __enter__(self):
        self.accept()
        return self

    def __exit__(self, *_):
        self.refuse()

    def as_server(self):
        return godwit.Server(self.server.name,
                             f"{self.server.kind}://{self.server.user}@127.0.0.1:{self.port}")

    def accept(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.listen, args=(self.listener,), daemon=True).start()

    def listen(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                connection = Connection(self, client)
            except OSError:
                close(client)
                continue
            with self.lock:
                self.connections.add(connection)

    def refuse(self):
        """The server is gone: what is connected breaks, nobody can connect."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.cut()

    def cut(self):
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            connection.end()

    def forget(self, connection):
        with self.lock:
            self.connections.discard(connection)

    def add(self, *faults):
        with self.lock:
            self.faults += faults

    def fault_for(self, data):
        """The fault that this packet of a client meets, if any."""
        if data[3] != 0 or data[4:5] != QUERY:
            return None
        statement = data[5:]
        with self.lock:
            faults = list(self.faults)
        for fault in faults:
            if fault.hit(statement):
                return fault
        return None

    def pass_slowly(self, count):
        if self.bytes_per_second or self.delay:
            time.sleep(self.delay + (count / self.bytes_per_second if self.bytes_per_second else 0))
