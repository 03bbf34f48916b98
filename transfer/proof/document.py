"""One record as a document: its digest, and the places where two documents differ.

A document is JSON with its keys sorted, so no two documents have the same text: neither by
where one value ends and the next begins, nor by the order in which something was read. Its
digest is BLAKE2b's, 256 bits; the digest of a table is the sum of its records' digests, each of
which holds the record's id, modulo 2^256, and so does not depend on their order either.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import blake2b, sha256
from typing import Any, NamedTuple

import orjson

from transfer.proof.rules import storable_document

DIGEST_SIZE = 32  # bytes
MODULUS = 2 ** (8 * DIGEST_SIZE)
LONGEST = 400  # characters of a value that are kept
BEFORE = 60  # of them before the place where two long values begin to differ
LONGEST_PLACE = 300  # characters of a place that are kept
AT_MOST = 100  # places of one record that are told; all are counted


class Mismatch(NamedTuple):
    """One place where v3 is not what it has to be.

    Args:
        table: v3's table.
        record_id: the record's id.
        kind: a value of transfer.models.DifferenceKind.
        place: the column, and inside a document the way to the value; empty: the whole record.
        v2: what it has to be by v2, as JSON text; None: nothing.
        v3: what it is, as JSON text; None: nothing.
    """

    table: str
    record_id: str
    kind: str
    place: str
    v2: str | None
    v3: str | None

    @property
    def key(self) -> str:
        """SHA-256 (hex) of kind and place."""
        return sha256(f"{self.kind}\n{self.place}".encode()).hexdigest()


def encode(document: dict[str, Any]) -> bytes:
    """The document as JSON, keys sorted; text as PostgreSQL can hold it (M4)."""
    try:
        encoded = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # half of a surrogate pair
        return orjson.dumps(storable_document(document), option=orjson.OPT_SORT_KEYS)
    if b"\\u0000" in encoded:
        # Or a backslash and u0000, which cleaning leaves alone.
        return orjson.dumps(storable_document(document), option=orjson.OPT_SORT_KEYS)
    return encoded


def digest(encoded: bytes) -> int:
    """The digest of a record as a number, to be added up."""
    return int.from_bytes(blake2b(encoded, digest_size=DIGEST_SIZE).digest())


def compare(
    expected: dict[str, Any], found: dict[str, Any]
) -> list[tuple[str, str | None, str | None]]:
    """The places where two documents differ: place, and both values as JSON text."""
    ours = dict(_leaves(storable_document(expected), ()))
    theirs = dict(_leaves(found, ()))
    places = [*ours, *(place for place in theirs if place not in ours)]
    differing = [place for place in places if ours.get(place) != theirs.get(place)]
    return [
        (shown, *excerpts(ours.get(place), theirs.get(place)))
        for shown, place in zip(_told_apart(map(_shown, differing)), differing, strict=True)
    ]


def _told_apart(shown: Iterable[str]) -> Iterator[str]:
    """The places as they are shown; a key with brackets in it may make two of them look alike."""
    seen: Counter[str] = Counter()
    for place in shown:
        seen[place] += 1
        yield f"{place} ({seen[place]})" if seen[place] > 1 else place


def column(place: str) -> str:
    """The column of a place: a form's or a submission's fields would be too many to count by."""
    return place.partition("[")[0]


def cut_place(place: str) -> str:
    """A place as it is kept: a key may be as long as a book."""
    half = LONGEST_PLACE // 2
    return place if len(place) <= LONGEST_PLACE else f"{place[:half]}…{place[-half:]}"


def _shown(place: tuple[str, ...]) -> str:
    return "".join(f"[{key}]" if at else key for at, key in enumerate(place))


def _leaves(
    value: Any,  # noqa: ANN401 - any JSON
    place: tuple[str, ...],
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each value of a document that is no object, as JSON text, under the way to it."""
    if not isinstance(value, dict):
        yield place, _json(value)
        return
    if not value and place:
        yield place, "{}"
    for key, one in value.items():
        yield from _leaves(one, (*place, key))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def excerpts(one: str | None, other: str | None) -> tuple[str | None, str | None]:
    """Two texts as they are kept: long ones both from shortly before they begin to differ."""
    if one is None or other is None:
        return _cut(one, 0), _cut(other, 0)
    shorter = min(len(one), len(other))
    same = next((at for at in range(shorter) if one[at] != other[at]), shorter)
    begin = max(0, same - BEFORE) if max(len(one), len(other)) > LONGEST else 0
    return _cut(one, begin), _cut(other, begin)


def _cut(text: str | None, begin: int) -> str | None:
    if text is None or (len(text) <= LONGEST and not begin):
        return text
    left, right = "…" if begin else "", "…" if begin + LONGEST < len(text) else ""
    return f"{left}{text[begin : begin + LONGEST]}{right} ({len(text):,} characters)"
