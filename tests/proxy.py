"""A proxy before PostgreSQL that knows where in the conversation a client is, and strikes there.

    with Proxy("127.0.0.1", 5432) as proxy:
        proxy.strike(Point.COMMIT, 2, lambda link: link.reset())
        ...                       # a client of proxy.port; its second COMMIT never arrives
        assert proxy.struck == [Point.COMMIT]

An action runs in the thread that carries the message, so a test decides by messages, not by the
clock. Unless the action cuts the link, the message then goes on as if nothing had happened.
Sessions are not encrypted (the proxy answers a wish for TLS with no); logins pass through it.
"""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import BinaryIO, Self

TLS_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102


class Point(Enum):
    """Where a strike can happen."""

    CONNECT = "a client has come, the server knows nothing of it yet"
    STATEMENT = "a statement arrives, not yet handed on"
    COPY = "the first data of a COPY arrive, not yet handed on"
    COMMIT = "COMMIT arrives, not yet handed on"
    COMMITTED = "the server has committed, its answer not yet handed on"


Action = Callable[["Link"], None]


@dataclass
class Strike:
    """An action, and the moment it waits for: the number-th of those that match."""

    point: Point
    number: int
    action: Action
    where: str
    seen: int = 0

    def matches(self, point: Point, statement: str) -> bool:
        """Count a moment; true for the one that is waited for."""
        if point is not self.point or self.where not in statement:
            return False
        self.seen += 1
        return self.seen == self.number


class Link:
    """One client's connection with the server's behind it.

    ``statement`` is the last one the client sent; ``backend`` the process that serves it.
    """

    def __init__(self, proxy: "Proxy", client: socket.socket) -> None:
        self.statement = ""
        self.backend = 0
        self._proxy = proxy
        self._client = client
        self._server: socket.socket | None = None
        self._message = b""
        self._copying = False
        self._cut = False

    def half(self) -> None:
        """Hand on the first half of the message in hand, and no more of it."""
        self._send(self._message[: len(self._message) // 2])

    def close(self) -> None:
        """End both connections in good order, as a server that is shut down does (FIN)."""
        self._cut = True
        for end in (self._client, self._server):
            if end is not None:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Tear both connections (RST)."""
        self.tear_client()
        if self._server is not None:
            _tear(self._server)

    def tear_client(self) -> None:
        """Tear the client's connection only."""
        self._cut = True
        _tear(self._client)

    def desert(self) -> None:
        """Tear the client away from a server that does not notice, as a broken network does."""
        assert self._server is not None
        self._proxy.deserted.append(self._server)
        self.tear_client()

    def stall(self, seconds: float) -> None:
        """Hold the message back for a while."""
        self._proxy.over.wait(seconds)

    def carry_requests(self) -> None:
        """Hand on what the client says, until either is gone."""
        try:
            with self._client.makefile("rb") as reader:
                if not self._greet(reader):
                    return
                while not self._cut:
                    kind, message = _read(reader)
                    self._request(kind, message)
                    if self._cut:
                        return
                    self._send(message)
        except (OSError, EOFError):
            pass
        finally:
            self.end()

    def carry_answers(self) -> None:
        """Hand on what the server says, until either is gone."""
        assert self._server is not None
        try:
            with self._server.makefile("rb") as reader:
                while not self._cut:
                    kind, message = _read(reader)
                    if kind == b"K":
                        self.backend = int.from_bytes(message[5:9])
                    elif kind == b"G":
                        self._copying = True
                    elif kind == b"C" and message[5:] == b"COMMIT\0":
                        self._message = message
                        self._proxy.reach(Point.COMMITTED, self)
                    if self._cut:
                        return
                    self._client.sendall(message)
        except (OSError, EOFError):
            pass
        finally:
            self.end()

    def end(self) -> None:
        """Close what is open, but for a server that is deserted."""
        for one in (self._client, self._server):
            if one is None or one in self._proxy.deserted:
                continue
            if not self._cut:  # one side left by itself: the other learns it in good order
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _send(self, message: bytes) -> None:
        assert self._server is not None
        self._server.sendall(message)

    def _greet(self, reader: BinaryIO) -> bool:
        """Connect the server and hand on the startup packet; false where there is nothing more."""
        while True:
            length = reader.read(4)
            if len(length) < 4:
                return False
            packet = length + reader.read(int.from_bytes(length) - 4)
            code = int.from_bytes(packet[4:8])
            if code not in (TLS_REQUEST, GSS_REQUEST):
                break
            self._client.sendall(b"N")
        if code != CANCEL_REQUEST:
            self._proxy.reach(Point.CONNECT, self)
            if self._cut:
                return False
        self._server = self._proxy.connect()
        self._send(packet)
        if code == CANCEL_REQUEST:
            return False
        self._proxy.spawn(self.carry_answers)
        return True

    def _request(self, kind: bytes, message: bytes) -> None:
        self._message = message
        if kind in (b"Q", b"P"):
            parts = message[5:].split(b"\0")
            self.statement = parts[0 if kind == b"Q" else 1].decode(errors="replace")
            at = Point.COMMIT if self.statement == "COMMIT" else Point.STATEMENT
            self._proxy.reach(at, self)
        elif kind == b"d" and self._copying:
            self._copying = False
            self._proxy.reach(Point.COPY, self)


class Proxy:
    """Listens on 127.0.0.1, on a port of its own that it keeps for life.

    Args:
        host: the server's host, or the folder of its socket.
        port: the server's port.
    """

    def __init__(self, host: str, port: int | str) -> None:
        self.struck: list[Point] = []
        self.statements: list[str] = []
        self.deserted: list[socket.socket] = []
        self.over = threading.Event()
        self._host, self._to_port = host, int(port)
        self._strikes: list[Strike] = []
        self._links: list[Link] = []
        self._threads: list[threading.Thread] = []
        self._guard = threading.Lock()
        self._listener: socket.socket | None = None
        self.port = 0
        self.up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.over.set()
        self.calm()
        self.down()
        for server in self.deserted:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
        for thread in self._threads:
            thread.join(10)

    def strike(self, point: Point, number: int, action: Action, where: str = "") -> None:
        """Run the action at the number-th such point from now on.

        Args:
            where: only those whose statement has this text count.
        """
        with self._guard:
            self._strikes.append(Strike(point, number, action, where))

    def calm(self) -> None:
        """Forget the strikes that are still to come."""
        with self._guard:
            self._strikes.clear()

    def up(self) -> None:
        """Listen (again)."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self.port = listener.getsockname()[1]
        self._listener = listener
        self.spawn(lambda: self._accept(listener))

    def down(self) -> None:
        """Tear every connection, and let nobody in: whoever tries is refused."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.reset()

    def reset(self) -> None:
        """Tear every connection."""
        for link in self._links:
            link.reset()

    def connect(self) -> socket.socket:
        """A connection to the server."""
        if self._host.startswith("/"):
            end = socket.socket(socket.AF_UNIX)
            try:
                end.connect(f"{self._host}/.s.PGSQL.{self._to_port}")
            except OSError:
                end.close()
                raise
            return end
        return socket.create_connection((self._host or "127.0.0.1", self._to_port))

    def spawn(self, work: Callable[[], None]) -> None:
        """Run in a thread that is waited for at the end."""
        thread = threading.Thread(target=work, daemon=True, name="proxy")
        self._threads.append(thread)
        thread.start()

    def reach(self, point: Point, link: Link) -> None:
        """A link has come to a point: strike where a strike waits for it."""
        with self._guard:
            if point is Point.STATEMENT:
                self.statements.append(link.statement)
            due = [one for one in self._strikes if one.matches(point, link.statement)]
        for one in due:
            self.struck.append(point)
            one.action(link)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(self, client)
            self._links.append(link)
            self.spawn(link.carry_requests)


def _tear(end: socket.socket) -> None:
    with suppress(OSError):
        # With this close() sends RST in place of FIN; it is the reading thread's to call, which
        # wakes up here.
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RD)


def _read(reader: BinaryIO) -> tuple[bytes, bytes]:
    head = reader.read(5)
    if len(head) < 5:
        raise EOFError
    rest = int.from_bytes(head[1:]) - 4
    body = reader.read(rest)
    if len(body) < rest:
        raise EOFError
    return head[:1], head + body
