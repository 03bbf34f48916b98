"""Ends a connection in the middle of an answer, from a process of its own.

mssql-python holds Python's lock while it waits for the rest of an answer. Were the product and the
peer in one process, and the peer to close the socket, it would never get the lock to do so, and
the test would hang for ever. So the socket and the last bytes go to a helper, and whoever waits
for these bytes waits for nobody here.
"""

import atexit
import socket
import struct
import subprocess
import sys
import threading
from functools import lru_cache

_HEADER = struct.Struct("<Q")
_HELPER = """
import socket, struct, sys

control = socket.socket(fileno=int(sys.argv[1]))
while header := socket.recv_fds(control, 8, 1):
    head, descriptors = header[0], header[1]
    if not head:
        break
    (left,) = struct.unpack("<Q", head)
    data = b""
    while len(data) < left:
        data += control.recv(left - len(data))
    with socket.socket(fileno=descriptors[0]) as client:
        try:
            client.sendall(data)
            # Reset: what was not read yet may be lost.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass  # the client went first
"""


class _Helper:
    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _HELPER, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        atexit.register(self.close)

    def close(self) -> None:
        self._control.close()
        self._process.wait(10)

    def cut(self, client: socket.socket, data: bytes) -> None:
        with self._lock:
            socket.send_fds(self._control, [_HEADER.pack(len(data))], [client.fileno()])
            client.close()  # the helper's is the last one
            self._control.sendall(data)  # from here on nothing needs this process


@lru_cache(maxsize=1)
def _helper() -> _Helper:
    return _Helper()


def get_ready() -> None:
    """Start the helper, which takes a moment, before somebody waits."""
    _helper()


def cut(client: socket.socket, data: bytes) -> None:
    """Send these bytes and reset the connection; the socket is closed here when this returns."""
    _helper().cut(client, data)
