"""What the census' SQL says differently on each of v2's servers.

Models cannot compose its joins (legacy_v2.models says why), so it is written out, portably; this
gives it the names and the few expressions no two servers share. Each is a piece of SQL made of
v2's own names, never of a value; a ``%`` in it is doubled, as a driver wants it.
"""

from typing import Any, NamedTuple

from django.db.models import Field, Model

from legacy_v2 import ids, names
from legacy_v2 import models as v2
from legacy_v2.fields import SQL_SERVER
from legacy_v2.introspection import table_sql
from transfer.source import Source

_GUID = "-".join("[0-9a-f]" * digits for digits in (8, 4, 4, 4, 12))
# Any number of digits of fraction may follow.
_TIME = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][ T][0-9][0-9]:[0-9][0-9]:[0-9][0-9]"
# A zone shifts a time by 14 hours at most; only these can be pushed out of the years 1 to 9999.
_NEARLY_FIRST, _NEARLY_LAST = "0001-01-03", "9999-12-30"
# By code point, not by the database's own rules, to which "a" is "A", and half a pair of
# surrogates or U+0000 nothing at all. Every SQL Server has it.
_CODE_POINTS = "COLLATE Latin1_General_100_BIN2"
# A number's UUID around its 16 hexadecimal digits, of which three come first (legacy_v2.ids).
_BEFORE, _BETWEEN = "76326964-0000-8", "-800"


class IdColumn(NamedTuple):
    """A column of ids in a statement: the table's alias there, its model, its attribute name."""

    alias: str
    model: type[Model]
    attname: str


class Dialect:
    """The vendor's way to say what the census asks."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._connection = source.connection
        self._numbers = ids.integer_columns(source.connection)
        self.vendor = source.connection.vendor

    @property
    def sqlite(self) -> bool:
        """v2 is a SQLite file, which holds anything anywhere."""
        return self.vendor == "sqlite"

    @property
    def sql_server(self) -> bool:
        """v2 is in SQL Server."""
        return self.vendor == SQL_SERVER

    @property
    def count(self) -> str:
        """The number of rows; SQL Server's COUNT fails beyond 2,147,483,647."""
        return "COUNT_BIG(*)" if self.sql_server else "COUNT(*)"

    def table(self, model: type[Model]) -> str:
        """The model's table as this v2 calls it, with its schema where one has to be named."""
        return table_sql(self._connection, model)

    def column(self, alias: str, model: type[Model], attname: str) -> str:
        """A column as it is; NULL where v2 lacks it."""
        if not self._source.has(model, attname):
            return "NULL"
        column = str(names.field_of(model, attname).column)
        return f"{alias}.{self._connection.ops.quote_name(column)}"

    def is_number(self, of: IdColumn) -> bool:
        """Whether a column's ids are whole numbers; of one v2 lacks, whether they would be."""
        field = names.field_of(of.model, of.attname)
        if not self._source.has(of.model, of.attname):
            target: Field[Any, Any] | None = getattr(field, "target_field", None)
            if of.model is v2.FieldChoiceMap and target is None:
                target = names.field_of(v2.FormSubmissionMetaData, "field_choice_map_id")
            if target is None or not self._source.has(target.model, target.attname):
                return False
            field = target
        return (names.table(field.model), names.column(field)) in self._numbers

    def key(self, of: IdColumn) -> str:
        """An id to be compared: as legacy_v2.fields.GuidCol does. A NULL of its type without it."""
        column = self.column(*of)
        number = self.is_number(of)
        if column == "NULL":
            types = {"sqlite": "text", "postgresql": "uuid"}
            kind = "bigint" if number else types.get(self.vendor, "uniqueidentifier")
            return f"CAST(NULL AS {kind})"
        if number or self.sql_server:
            return column
        return f"{column} COLLATE NOCASE" if self.sqlite else f"{column}::uuid"

    def same(self, one: IdColumn, other: IdColumn, key: str | None = None) -> str:
        """Whether two ids are the same one, be one a number and the other none.

        Args:
            one: an id.
            other: another.
            key: as what ``one`` stands in a statement; see ``shown``.
        """
        if self.is_number(one) == self.is_number(other):
            return f"{key or self.key(one)} = {self.key(other)}"
        return f"{self.shown(one, key)} = {self.shown(other)}"

    def shown(self, of: IdColumn, key: str | None = None) -> str:
        """An id as text in lower case, to be grouped by, of which there is a first and a last.

        Of a number it is the UUID made from it (legacy_v2.ids).

        Args:
            of: its column.
            key: where it stands in a statement under another name: as ``key`` gave it there.
        """
        key = key or self.key(of)
        if self.is_number(of):
            return self._uuid(key)
        if self.sqlite:
            return f"lower({key})"
        if self.sql_server:  # which shows it in capitals
            return f"LOWER(CAST({key} AS char(36))) {_CODE_POINTS}"
        return f"CAST({key} AS text)"

    def _uuid(self, number: str) -> str:
        if self.sqlite:  # whose columns hold anything; what is no number is none of the rules'
            digits = f"printf('%%016x', {number})"
            parts = f"substr({digits}, 1, 3)", f"substr({digits}, 4, 1)", f"substr({digits}, 5)"
            made = f"'{_BEFORE}' || {parts[0]} || '{_BETWEEN}' || {parts[1]} || '-' || {parts[2]}"
            return f"CASE typeof({number}) WHEN 'integer' THEN {made} ELSE lower({number}) END"
        if self.sql_server:  # style 2: hexadecimal digits without 0x
            digits = f"CONVERT(char(16), CAST(CAST({number} AS bigint) AS binary(8)), 2)"
            parted = f"STUFF(STUFF({digits}, 5, 0, '-'), 4, 0, '{_BETWEEN}')"
            return f"LOWER('{_BEFORE}' + {parted}) {_CODE_POINTS}"
        digits = f"lpad(to_hex({number}::bigint), 16, '0')"
        parted = f"overlay({digits} PLACING '-' FROM 5 FOR 0)"
        return f"('{_BEFORE}' || overlay({parted} PLACING '{_BETWEEN}' FROM 4 FOR 0))"

    def joined(self, *texts: str) -> str:
        """Texts one behind another."""
        return (" + " if self.sql_server else " || ").join(texts)

    def is_empty(self, text: str) -> str:
        """Whether a text is null or has no character at all; blanks count (SQL Server's = not)."""
        none = f"DATALENGTH({text}) = 0" if self.sql_server else f"{text} = ''"
        return f"({text} IS NULL OR {none})"

    def longer_than(self, text: str, characters: int) -> str:
        """Whether a text has more characters; on SQL Server one beyond U+FFFF counts as two."""
        if self.sql_server:  # where LEN leaves out blanks at the end
            return f"DATALENGTH({self._wide(text)}) > {2 * characters}"
        return f"length({text}) > {characters}"

    def size(self, text: str) -> str:
        """Bytes of a text in UTF-8; on SQL Server its characters, which is no less than half."""
        if self.sqlite:
            return f"length(CAST({text} AS blob))"
        if self.sql_server:
            return f"CAST(DATALENGTH({self._wide(text)}) AS bigint) / 2"
        return f"octet_length({text})"

    def _wide(self, text: str) -> str:
        """A text in UTF-16, by code point, whether its column is nvarchar, varchar or ntext."""
        return f"CAST({text} AS nvarchar(max)) {_CODE_POINTS}"

    def limited(self, select: str, rows: int) -> str:
        """The first rows of a SELECT, in its order."""
        if self.sql_server:
            return select.replace("SELECT", f"SELECT TOP ({rows})", 1)
        return f"{select} LIMIT {rows}"

    def code(self, text: str) -> str:
        """A lookup code to be grouped by; of one too long for v3 perhaps not all.

        SQL Server takes no notice of blanks at the end, here neither: whoever shares one only by
        them is told apart later (M12).
        """
        # Long enough for every code that v3 takes, short enough to be sorted in memory.
        return f"CAST({text} AS nvarchar(60)) {_CODE_POINTS}" if self.sql_server else text

    def is_dirty(self, text: str) -> str:
        """Whether PostgreSQL could not store a text; now and then one that it could (M4).

        SQLite: length(), LIKE and = stop at U+0000 or give up at half a pair; bytes do not.
        SQL Server: each half of a sound pair counts too.
        """
        if self.sqlite:
            raw = f"CAST({text} AS blob)"
            half = f"(hex({text}) LIKE '%%EDA%%' OR hex({text}) LIKE '%%EDB%%')"
            return f"(instr({raw}, x'00') > 0 OR (instr({raw}, x'ED') > 0 AND {half}))"
        if self.sql_server:
            code_points = self._wide(text)
            halves = "N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%'"
            return f"(CHARINDEX(NCHAR(0), {code_points}) > 0 OR {code_points} LIKE {halves})"
        return "1 = 0"

    def has_replacement(self, text: str) -> str:
        """Whether a text holds U+FFFD, which a cleaned text may become equal to."""
        if self.sqlite:
            return f"instr(CAST({text} AS blob), x'EFBFBD') > 0"
        if self.sql_server:
            return f"CHARINDEX(NCHAR(65533), {self._wide(text)}) > 0"
        return "1 = 0"  # nothing there is ever cleaned

    def odd_id(self, of: IdColumn, *, required: bool) -> str:
        """Whether a reference may be such as the mapping refuses."""
        column = self.column(*of)
        missing = f"{column} IS NULL"
        if column == "NULL":
            return "1 = 0"
        if not self.sqlite:
            return missing if required else "1 = 0"
        other = f"typeof({column}) <> 'text' OR length({column}) <> length(CAST({column} AS blob))"
        if self.is_number(of):
            other = f"typeof({column}) <> 'integer'"
        return f"({missing} OR {other})" if required else f"(NOT {missing} AND ({other}))"

    def odd_own_id(self, of: IdColumn) -> str:
        """Whether a row's own Id is none; only SQLite holds such."""
        if not self.sqlite:
            return "1 = 0"
        column = self.column(*of)
        if self.is_number(of):
            return f"typeof({column}) <> 'integer'"
        shape = f"lower({column}) GLOB '{_GUID}' AND length(CAST({column} AS blob)) = 36"
        return f"({column} IS NULL OR NOT ({shape}))"

    def odd_text(self, column: str) -> str:
        """Whether a value may be no text; only SQLite holds such."""
        return f"typeof({column}) NOT IN ('text', 'null')" if self.sqlite else "1 = 0"

    def odd_time(self, column: str, *, required: bool, in_utc: bool) -> str:
        """Whether a time may be none, or such as a zone may push out of the years there are."""
        tests = [f"{column} IS NULL"] if required else []
        if self.sqlite:
            whole = f"replace(substr({column}, 1, 19), 'T', ' ')"
            rest = f"substr({column}, 20)"
            # No such day or hour: strftime says NULL, and = would make all of this unknown.
            shape = (
                f"typeof({column}) = 'text' AND {column} GLOB '{_TIME}*'"
                f" AND {column} >= '0001'"
                f" AND {whole} IS strftime('%%Y-%%m-%%d %%H:%%M:%%S', {whole}, '+0 days')"
                f" AND ({rest} = '' OR {rest} GLOB '.[0-9]*' AND NOT {rest} GLOB '.*[^0-9]*')"
            )
            tests.append(f"NOT ({shape})")
        elif self.vendor == "postgresql":
            tests.append(f"{column} < '0001-01-01' OR {column} >= '10000-01-01'")
        if not in_utc:
            first, last = f"'{_NEARLY_FIRST}'", f"'{_NEARLY_LAST}'"
            if self.sql_server:  # its older datetime begins in 1753
                first, last = f"CAST({first} AS datetime2)", f"CAST({last} AS datetime2)"
            tests.append(f"{column} < {first} OR {column} >= {last}")
        odd = " OR ".join(tests) or "1 = 0"
        return f"({odd})" if required else f"({column} IS NOT NULL AND ({odd}))"
