"""Rows as lines of COPY's text format."""

from datetime import datetime


def _value(value: object) -> bytes:
    if isinstance(value, bytes):  # JSON: control characters are escapes already
        return value.replace(b"\\", b"\\\\")
    if isinstance(value, str):
        if "\\" in value:
            value = value.replace("\\", "\\\\")
        if "\n" in value or "\r" in value or "\t" in value:
            value = value.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
        return value.encode()
    if isinstance(value, datetime):
        return value.isoformat(" ").encode()
    if value is None:
        return b"\\N"
    msg = f"no COPY text for a {type(value).__name__}"
    raise TypeError(msg)


def copy_line(row: tuple[object, ...]) -> bytes:
    """A row as one line of COPY's text format, newline included.

    Text is escaped; bytes are JSON, whose control characters are escapes already; an aware time
    keeps its offset.

    Raises:
        TypeError: a value of another type.
    """
    return b"\t".join([_value(value) for value in row]) + b"\n"
