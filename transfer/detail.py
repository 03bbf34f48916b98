"""error_detail: a v2 record as a JSON document that PostgreSQL takes and that can be undone.

jsonb refuses U+0000 and lone surrogates, which are often the very fault to be repaired. A text
that holds one is stored as ``{"escaped": text}``, where the text has each of them as backslash,
``u`` and four hex digits, and each backslash doubled. Every other value is stored as it is, so
that an ordinary record reads well. A v2 value is never an object itself, and no column of v2 has
one of these names, so nothing else can look like them.

jsonb also refuses a document past 256 MB, and the row that was refused for its size would take
its own error with it. So what is very large is cut; v2 still has the rest.

- A text over MAX_TEXT characters is ``{"cut": its beginning, "length": characters, "sha256": of
  its UTF-8}``, where lone surrogates are encoded as if they were characters.
- Where the document is over MAX_DOCUMENT bytes all the same, that goes for every text over
  SHORT_TEXT characters.
- Where it still is, so does a list (the answers of a submission): ``{"cut": [its first
  MAX_ELEMENTS elements], "length": elements, "sha256": of them all}``, the digest being that of
  ``list_digest``.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import orjson

ESCAPED = "escaped"
CUT = "cut"
# Characters a text is stored whole up to; where the record is still over MAX_DOCUMENT bytes,
# every text is cut to the shorter bound.
MAX_TEXT = 1_000_000
MAX_DOCUMENT = 32 * 1024 * 1024
SHORT_TEXT = 200
# Elements that are kept of a list that is too long even then.
MAX_ELEMENTS = 1000
_REFUSED = re.compile("[\x00\ud800-\udfff]")
_TO_ESCAPE = re.compile("[\\\\\x00\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")
_LONGEST_INTEGER = 2**63  # orjson writes no longer ones


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


def _encode_value(value: object, longest: int) -> object:
    if isinstance(value, str):
        return _encode_text(value, longest)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, int) and -_LONGEST_INTEGER <= value < _LONGEST_INTEGER:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)


def _encode_record(record: Mapping[str, Any], longest: int) -> dict[str, object]:
    return {column: _encode_value(value, longest) for column, value in record.items()}


def _encode_list(records: Iterable[Mapping[str, Any]], longest: int) -> orjson.Fragment | None:
    """The list as JSON; None where it is over MAX_DOCUMENT bytes, which costs no more memory."""
    # One buffer: as many small documents would take several times their size.
    encoded = bytearray(b"[")
    for record in records:
        if len(encoded) > 1:
            encoded += b","
        encoded += orjson.dumps(_encode_record(record, longest))
        if len(encoded) > MAX_DOCUMENT:
            return None
    encoded += b"]"
    return orjson.Fragment(bytes(encoded))


def _cut_list(records: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    first = [_encode_record(record, SHORT_TEXT) for record in islice(records, MAX_ELEMENTS)]
    return {CUT: first, "length": len(records), "sha256": list_digest(records)}


def list_digest(records: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 (hex) of a list: its elements as they are stored uncut, each a line of JSON."""
    digest = hashlib.sha256()
    for record in records:
        line = orjson.dumps(_encode_record(record, MAX_TEXT), option=orjson.OPT_APPEND_NEWLINE)
        digest.update(line)
    return digest.hexdigest()


def _document(record: Mapping[str, Any], longest: int, *, cut_lists: bool) -> bytes | None:
    """The record as JSON; None where it is over MAX_DOCUMENT bytes."""
    document: dict[str, object] = {}
    for column, value in record.items():
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            document[column] = _cut_list(value) if cut_lists else _encode_list(value, longest)
            if document[column] is None:
                return None
        else:
            document[column] = _encode_value(value, longest)
    encoded = orjson.dumps(document)
    return encoded if cut_lists or len(encoded) <= MAX_DOCUMENT else None


def encode_detail(record: Mapping[str, Any] | None) -> str | None:
    """A v2 record as JSON text for error_detail; None stays None.

    Args:
        record: column → value as read, or → a list of such records (a submission's answers).
    """
    if record is None:
        return None
    encoded = (
        _document(record, MAX_TEXT, cut_lists=False)
        or _document(record, SHORT_TEXT, cut_lists=False)
        or _document(record, SHORT_TEXT, cut_lists=True)
    )
    return (encoded or b"").decode()


def decode_detail(detail: object) -> object:
    """What encode_detail was given, from the parsed JSON (times stay ISO text, cuts stay cut)."""
    if isinstance(detail, dict):
        if set(detail) == {ESCAPED}:
            return _ESCAPE.sub(_unescape, detail[ESCAPED])
        return {key: decode_detail(item) for key, item in detail.items()}
    if isinstance(detail, list):
        return [decode_detail(item) for item in detail]
    return detail
