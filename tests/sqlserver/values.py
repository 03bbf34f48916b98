"""Values that SQL Server compares otherwise than Python does."""

import re
import uuid
from functools import lru_cache
from typing import Any, ClassVar, Self

from pysqlbridge.predicate import PredicateError

_GUID = re.compile(r"\{?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})")
NOT_A_GUID = 8169


class Guid(str):
    """A uniqueidentifier: 36 characters in lower case, in SQL Server's own order.

    The last six bytes count first, then the two before them, and then each group before that from
    its last byte on. Whoever sorts or compares ids in Python gets another order than this.
    """

    __slots__ = ("key", "wire")
    key: bytes
    wire: bytes

    @classmethod
    def of(cls, value: object) -> "Guid":
        """The value as a GUID.

        Raises:
            PredicateError: 8169, where it is no text of 36 characters with dashes.
        """
        if isinstance(value, Guid):
            return value
        if isinstance(value, bytes):
            return _guid(str(uuid.UUID(bytes_le=value)))
        if isinstance(value, str) and (found := _GUID.match(value)):
            return _guid(found.group(1).lower())
        message = "Conversion failed when converting from a character string to uniqueidentifier."
        raise PredicateError(message, number=NOT_A_GUID)

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.wire = raw = uuid.UUID(text).bytes_le
        made.key = raw[10:] + raw[8:10] + raw[6:8] + raw[4:6] + raw[:4]
        return made

    # What pysqlbridge does to text before it compares it.
    def rstrip(self, _characters: str | None = None, /) -> Self:  # type: ignore[override] # itself
        return self

    def casefold(self) -> Self:  # type: ignore[override] # itself
        return self

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __eq__(self, other: object) -> bool:
        # pysqlbridge looks for None among a row's values; NULL is nothing's equal.
        return other is not None and self.key == Guid.of(other).key

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: str) -> bool:
        return self.key < Guid.of(other).key

    def __le__(self, other: str) -> bool:
        return self.key <= Guid.of(other).key

    def __gt__(self, other: str) -> bool:
        return self.key > Guid.of(other).key

    def __ge__(self, other: str) -> bool:
        return self.key >= Guid.of(other).key


@lru_cache(maxsize=1 << 16)
def _guid(text: str) -> Guid:
    return Guid(text)


class Exact(str):
    """Text under a binary collation: told apart by its code units, case and accents too."""

    __slots__ = ()
    _PAD: ClassVar[str] = " "

    def casefold(self) -> Self:  # type: ignore[override] # itself
        return self

    def rstrip(self, characters: str | None = None, /) -> Self:  # type: ignore[override] # as it is
        return type(self)(str.rstrip(self, characters))

    def _units(self, other: str) -> tuple[bytes, bytes]:
        # SQL Server pads the shorter of the two with blanks, and compares UTF-16 code units.
        long = max(len(self), len(other))
        one, two = (
            text.ljust(long, self._PAD).encode("utf-16-be", "surrogatepass")
            for text in (str.__str__(self), str(other))
        )
        return one, two

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and str.__eq__(str.rstrip(self, " "), other.rstrip(" "))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: str) -> bool:
        one, two = self._units(other)
        return one < two

    def __le__(self, other: str) -> bool:
        one, two = self._units(other)
        return one <= two

    def __gt__(self, other: str) -> bool:
        one, two = self._units(other)
        return one > two

    def __ge__(self, other: str) -> bool:
        one, two = self._units(other)
        return one >= two


# Outside of a binary collation these are nothing.
_WEIGHTLESS = re.compile("[\0\ud800-\udfff\ufffd]")


def weighty(text: str) -> str:
    """A text less what has no weight."""
    return _WEIGHTLESS.sub("", text) if not text.isascii() or "\0" in text else text


def plain(value: Any) -> Any:
    """A value as a test may look at it: text of SQL Server's kinds as plain text."""
    return str.__str__(value) if isinstance(value, Guid | Exact) else value
