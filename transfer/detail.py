"""error_detail: a v2 record as a JSON document that PostgreSQL takes and that can be undone.

jsonb refuses U+0000 and lone surrogates, which are often the very fault to be repaired. A text
that holds one is stored as ``{"escaped": text}``, where the text has each of them as backslash,
``u`` and four hex digits, and each backslash doubled. Every other value is stored as it is, so
that an ordinary record reads well.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

ESCAPED = "escaped"
_REFUSED = re.compile("[\x00\ud800-\udfff]")
_TO_ESCAPE = re.compile("[\\\\\x00\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return "\\\\" if character == "\\" else f"\\u{ord(character):04x}"


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match.group(1), 16)) if match.group(1) else "\\"


def _encode(value: object) -> object:
    if isinstance(value, str):
        return {ESCAPED: _TO_ESCAPE.sub(_escape, value)} if _REFUSED.search(value) else value
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, Mapping):
        return {str(key): _encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def encode_detail(record: Mapping[str, Any] | None) -> str | None:
    """A v2 record (column → value) as JSON text for error_detail; None stays None."""
    if record is None:
        return None
    return orjson.dumps(_encode(record)).decode()


def decode_detail(detail: object) -> object:
    """What encode_detail was given, from the parsed JSON (times stay ISO text)."""
    if isinstance(detail, dict):
        if set(detail) == {ESCAPED}:
            return _ESCAPE.sub(_unescape, detail[ESCAPED])
        return {key: decode_detail(item) for key, item in detail.items()}
    if isinstance(detail, list):
        return [decode_detail(item) for item in detail]
    return detail
