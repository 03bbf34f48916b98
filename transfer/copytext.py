"""Rows as lines of COPY's text format."""

from datetime import datetime


def _text(value: str) -> bytes:
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if "\n" in value or "\r" in value or "\t" in value:
        value = value.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return value.encode()


def copy_line(row: tuple[object, ...]) -> bytes:
    """A row as one line of COPY's text format, newline included.

    Text is escaped; bytes are JSON, whose control characters are escapes already; an aware time
    keeps its offset.

    Raises:
        TypeError: a value of another type.
    """
    parts = []
    moment, told = None, b""
    for value in row:
        if isinstance(value, str):
            parts.append(_text(value))
        elif isinstance(value, bytes):
            parts.append(value.replace(b"\\", b"\\\\"))
        elif isinstance(value, datetime):
            if value is not moment:  # most rows have one time twice
                moment, told = value, value.isoformat(" ").encode()
            parts.append(told)
        elif value is None:
            parts.append(b"\\N")
        else:
            raise TypeError(f"no COPY text for a {type(value).__name__}")
    return b"\t".join(parts) + b"\n"
