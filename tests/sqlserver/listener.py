"""The peer's socket: pysqlbridge's TDS connection, with logins and cuts of the peer's own."""

import contextlib
import socket
import socketserver
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pysqlbridge.certificate import Certificate
from pysqlbridge.server import RECV_SIZE, BridgeServer
from pysqlbridge.tds.connection import Connection, ConnectionState
from pysqlbridge.tds.login import deobfuscate_password
from pysqlbridge.tds.packet import TdsProtocolError
from pysqlbridge.tds.token import error_response

from tests.sqlserver import cutting
from tests.sqlserver.harm import CUT

if TYPE_CHECKING:
    from tests.sqlserver.peer import Peer


class PeerConnection(Connection):
    """A client's connection; the peer decides who may in."""

    def __init__(self, peer: "Peer", certificate: Certificate, handler: Callable[..., Any]) -> None:
        super().__init__(certificate, query_handler=handler, database=peer.database)
        self.peer = peer
        self.user = ""

    def _answer_sql_login(self, responses: list[bytes]) -> bool:
        login = self._login
        self.user = login.user_name
        password = deobfuscate_password(login.password)
        refusal = self.peer.refusal(login.user_name, password, login.database)
        if refusal is None:
            self._finish_login(responses)
            return True
        number, text = refusal
        said = error_response(
            number, text, server=self._server_name, severity=14, tds_version=self._tds_version
        )
        self._send(responses, said)
        self._state = ConnectionState.FAILED
        return True

    def _about(self) -> dict[str, Any]:
        about: dict[str, Any] = super()._about()
        about["login"] = self.user
        return about

    def take_cut(self) -> int | None:
        """How many bytes to send before the end, where this answer is to be cut."""
        found: int | None = self._session.pop(CUT, None)
        return found


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        peer: Peer = self.server.peer  # type: ignore[attr-defined] # a PeerServer
        connection = PeerConnection(peer, peer.certificate, peer.answer)
        peer.sockets.add(self.request)
        try:
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := self.request.recv(RECV_SIZE):
                responses = connection.receive(data)
                cut = connection.take_cut()
                if cut is not None and responses:
                    peer.sockets.discard(self.request)
                    answer = responses[0]
                    cutting.cut(self.request, answer[: min(cut, len(answer) // 2)])
                    return
                # At once: a client in this process may hold Python's lock until it has it all,
                # and a blocking socket takes everything without that lock.
                self.request.sendall(b"".join(responses))
        except (OSError, TdsProtocolError):
            pass  # the client went, or was refused
        finally:
            peer.sockets.discard(self.request)
            with contextlib.suppress(OSError):
                self.request.close()


class PeerServer(BridgeServer):
    """Listens on a free port of 127.0.0.1."""

    def __init__(self, peer: "Peer") -> None:
        self.peer = peer
        super().__init__("127.0.0.1", 0, peer.certificate, peer.answer, database=peer.database)
        self.RequestHandlerClass = _Handler
