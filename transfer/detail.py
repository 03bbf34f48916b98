"""error_detail: a v2 record as a JSON document that PostgreSQL takes and that can be undone.

jsonb refuses U+0000 and lone surrogates, which are often the very fault to be repaired. A text
that holds one is stored as ``{"escaped": text}``, where the text has each of them as backslash,
``u`` and four hex digits, and each backslash doubled. Every other value is stored as it is, so
that an ordinary record reads well.

jsonb also refuses a document past 256 MB, and the row that was refused for its size would take
its own error with it. So a very long text is cut: ``{"cut": its beginning, "length": characters,
"sha256": of its UTF-8}``; v2 still has the rest.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

ESCAPED = "escaped"
CUT = "cut"
# Characters a text is stored whole up to; where the record is still over MAX_DOCUMENT bytes,
# every text is cut to the shorter bound.
MAX_TEXT = 1_000_000
MAX_DOCUMENT = 32 * 1024 * 1024
SHORT_TEXT = 200
_REFUSED = re.compile("[\x00\ud800-\udfff]")
_TO_ESCAPE = re.compile("[\\\\\x00\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return "\\\\" if character == "\\" else f"\\u{ord(character):04x}"


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match.group(1), 16)) if match.group(1) else "\\"


def _encode_text(text: str, longest: int) -> object:
    if len(text) > longest:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        head = _encode_text(text[:SHORT_TEXT], longest)
        return {CUT: head, "length": len(text), "sha256": digest}
    return {ESCAPED: _TO_ESCAPE.sub(_escape, text)} if _REFUSED.search(text) else text


def _encode(value: object, longest: int) -> object:
    if isinstance(value, str):
        return _encode_text(value, longest)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, Mapping):
        return {str(key): _encode(item, longest) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item, longest) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def encode_detail(record: Mapping[str, Any] | None) -> str | None:
    """A v2 record (column → value) as JSON text for error_detail; None stays None."""
    if record is None:
        return None
    encoded = orjson.dumps(_encode(record, MAX_TEXT))
    if len(encoded) > MAX_DOCUMENT:
        encoded = orjson.dumps(_encode(record, SHORT_TEXT))
    return encoded.decode()


def decode_detail(detail: object) -> object:
    """What encode_detail was given, from the parsed JSON (times stay ISO text, cuts stay cut)."""
    if isinstance(detail, dict):
        if set(detail) == {ESCAPED}:
            return _ESCAPE.sub(_unescape, detail[ESCAPED])
        return {key: decode_detail(item) for key, item in detail.items()}
    if isinstance(detail, list):
        return [decode_detail(item) for item in detail]
    return detail
