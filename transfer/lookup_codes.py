"""v2's lookup codes for M12, a column at a time: what may need another number, and its claim.

Nearly all submissions keep their codes. So every code is looked at twice at most: first as a
number of 64 bits, of which the server says whether two are the same; then, only where two may be,
those rows as claims that ``transfer.uniqueness`` decides about. Nothing here is a call a row.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from itertools import compress
from typing import Any, NamedTuple, Protocol

from django.db import DatabaseError

from legacy_v2 import models as v2
from transfer.copytext import copy_line
from transfer.extract import SCAN_SIZE, pages
from transfer.mapping.numbers import MAX_NUMBER, PREFIX, number_fault
from transfer.mapping.text import clean
from transfer.records import is_id
from transfer.source import Source

# COPY's binary format: its head, a row of one bigint (fields, bytes, value), its end.
COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_END = b"\xff\xff"
_ROW = b"\0\1\0\0\0\x08" + bytes(8)
_VALUE = len(_ROW) - 8


class Keys(NamedTuple):
    """Some submissions' numbers of 64 bits, equal where organization and number are.

    ``faulty``: one of them has a code that can be no number.
    """

    keys: list[int]
    faulty: bool

    def copy_rows(self) -> bytes:
        """Them as rows of COPY's binary format."""
        values = array("q", self.keys)
        values.byteswap()
        raw = values.tobytes()
        rows = bytearray(_ROW * len(self.keys))
        for place in range(8):
            rows[_VALUE + place :: len(_ROW)] = raw[place::8]
        return bytes(rows)


class Wishes(NamedTuple):
    """Some submissions in columns: what decides about their numbers, as the mapping takes it.

    ``organizations`` are those that the submissions belong to (M8), None where that is no id.
    """

    ids: Sequence[Any]
    organizations: Sequence[str | None]
    codes: Sequence[Any]
    created: Sequence[Any]

    def suspects(self, shared: Collection[int]) -> "Wishes":
        """Those that may need another number, and those whose code may be such a number."""
        keys = _keys(self.organizations, self.codes)
        chosen = [
            key in shared or not code or len(code) > MAX_NUMBER or code.startswith(PREFIX)
            for key, code in zip(keys, map(_text, self.codes), strict=True)
        ]
        return Wishes._make(list(compress(column, chosen)) for column in self)

    def copy_lines(self) -> bytes:
        """Their claims as lines of COPY's text format: id, organization, time, number, fault.

        One without an id or an organization, or whose code is no text, will fail: it claims none.
        """
        if self._all_plain():
            return _plain_lines(self)
        plain = [_is_plain(*row) for row in zip(self.ids, self.codes, self.created, strict=True)]
        odd = [not one for one in plain]
        some = Wishes._make(list(compress(column, plain)) for column in self)
        rows = zip(*(compress(column, odd) for column in self), strict=True)
        return b"".join([_plain_lines(some), *(_line(*row) for row in rows)])

    def _all_plain(self) -> bool:
        """Whether all are plain, by a look at whole columns."""
        try:
            joined = "".join(self.codes)
        except TypeError:  # null, or no text
            return False
        return (
            joined.isprintable()
            and "\\" not in joined
            and all(self.codes)
            and max(map(len, self.codes), default=0) <= MAX_NUMBER
            and set(map(type, self.created)) <= {datetime}
            and all(map(is_id, self.ids))
        )


def _is_plain(v2_id: object, code: object, created: object) -> bool:
    return (
        type(code) is str
        and 0 < len(code) <= MAX_NUMBER
        and code.isprintable()
        and "\\" not in code
        and type(created) is datetime
        and is_id(v2_id)
    )


def _plain_lines(wishes: Wishes) -> bytes:
    lines = [
        f"{v2_id}\t{organization}\t{created}\t{code}\t\\N\n"
        for v2_id, organization, code, created in zip(*wishes, strict=True)
        if organization
    ]
    return "".join(lines).encode()


def _line(v2_id: object, organization: str | None, code: object, created: object) -> bytes:
    if organization is None or not is_id(v2_id) or not isinstance(code, str | None):
        return b""
    fault = number_fault(code)
    value = clean(code) if code and fault is None else None
    return copy_line((v2_id, organization, sortable(created), value, fault))


def sortable(value: object) -> str | None:
    """A v2 time as text that sorts as time does; None for what is no time."""
    # v2's own time, without a zone: the rule orders by CreatedOn as v2 has it.
    return value.isoformat(" ") if hasattr(value, "isoformat") else None


def _text(code: object) -> str:
    return code if isinstance(code, str) else ""


def keys_of(organizations: Sequence[str | None], codes: Sequence[Any]) -> Keys:
    """What tells whether two submissions may want one number; see Keys."""
    return Keys(_keys(organizations, codes), faulty=_are_faulty(codes))


def _are_faulty(codes: Sequence[Any]) -> bool:
    try:
        return not all(codes) or max(map(len, codes), default=0) > MAX_NUMBER
    except TypeError:  # a number, in a copy made by hand
        return True


def _keys(organizations: Sequence[str | None], codes: Sequence[Any]) -> list[int]:
    # Text is cleaned before it is compared (M4). What is no text claims nothing, and may be taken
    # for a suspect.
    try:
        is_clean = "".join(filter(None, codes)).isprintable()
    except TypeError:
        is_clean = False
    values = codes if is_clean else [clean(code) if type(code) is str else None for code in codes]
    return list(map(hash, zip(organizations, values, strict=True)))


class Codes(Protocol):
    """All submissions of v2, as far as it takes to decide about their numbers."""

    def all_keys(self) -> Iterator[Keys]:
        """Their keys; some may come twice."""

    def wishes(self) -> Iterator[Wishes]:
        """What each one wishes for, once."""


class V2Codes:
    """The lookup codes of a v2.

    Args:
        source: v2.
        owners: each form's organization (M8).
    """

    def __init__(self, source: Source, owners: Mapping[str, str | None]) -> None:
        self._source = source
        self._homes = _Homes(owners)

    def all_keys(self) -> Iterator[Keys]:
        """See Codes."""
        for own, forms, codes in self._columns("organization_id", "form_type_id", "lookup_code"):
            yield keys_of(self._homes.of(own, forms), codes)

    def wishes(self) -> Iterator[Wishes]:
        """See Codes."""
        columns = "id", "organization_id", "form_type_id", "lookup_code", "created_on"
        for ids, own, forms, codes, created in self._paged(*columns):
            yield Wishes(ids, self._homes.of(own, forms), codes, created)

    def _paged(self, *columns: str) -> Iterator[Sequence[Sequence[Any]]]:
        every = v2.FormSubmission._default_manager.all()
        for page in pages(self._source, every, columns, lambda: SCAN_SIZE, ""):
            yield page.columns

    def _columns(self, *columns: str) -> Iterator[Sequence[Sequence[Any]]]:
        """Columns of every row, in any order; a row may come twice."""
        if self._source.connection.vendor == "sqlite":
            # It keeps the rows in another order than that of the Ids: to read them in that order
            # is a search a row, and takes twice the time.
            try:
                yield from self._as_they_lie(columns)
            except DatabaseError:  # a text that is none: what reads pages knows how to take it
                pass
            else:
                return
        for _, *others in self._paged("id", *columns):
            yield others

    def _as_they_lie(self, columns: Sequence[str]) -> Iterator[list[Sequence[Any]]]:
        source, model = self._source, v2.FormSubmission
        present = [name for name in columns if source.has(model, name)]
        query = model._default_manager.using(source.alias).values_list(*present)
        with closing(source.connection.cursor()) as cursor:
            cursor.execute(*query.query.get_compiler(source.alias).as_sql())
            while rows := cursor.fetchmany(SCAN_SIZE):
                found = dict(zip(present, zip(*rows, strict=True), strict=True))
                absent = (None,) * len(rows)
                yield [
                    source.maker(model, name)(found[name]) if name in found else absent
                    for name in columns
                ]


class _Homes(dict[tuple[Any, Any], "str | None"]):
    """The organization of a submission by its own and its form: as many as there are pairs."""

    def __init__(self, owners: Mapping[str, str | None]) -> None:
        super().__init__()
        self._owners = owners

    def of(self, own: Iterable[Any], forms: Iterable[Any]) -> list[str | None]:
        """A page's, column by column."""
        if len(self) > SCAN_SIZE:  # in a v2 without order; no more than that is held (R5)
            self.clear()
        return list(map(self.__getitem__, zip(own, forms, strict=True)))

    def __missing__(self, pair: tuple[Any, Any]) -> str | None:
        own, form = pair
        organization = own or self._owners.get(form)
        self[pair] = home = organization if is_id(organization) else None
        return home
