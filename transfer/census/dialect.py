"""What the census' SQL says differently on each of v2's servers.

Models cannot compose its joins (legacy_v2.models says why), so it is written out, portably; this
gives it the names and the few expressions no two servers share. Each is a piece of SQL made of
v2's own names, never of a value; a ``%`` in it is doubled, as a driver wants it.
"""

from django.db.models import Model

from legacy_v2.fields import SQL_SERVER
from transfer.source import Source

_GUID = "-".join("[0-9a-f]" * digits for digits in (8, 4, 4, 4, 12))
# Any number of digits of fraction may follow.
_TIME = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][ T][0-9][0-9]:[0-9][0-9]:[0-9][0-9]"
# A zone shifts a time by 14 hours at most; only these can be pushed out of the years 1 to 9999.
_NEARLY_FIRST, _NEARLY_LAST = "0001-01-03", "9999-12-30"


class Dialect:
    """The vendor's way to say what the census asks."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._connection = source.connection
        self.vendor = source.connection.vendor

    @property
    def sqlite(self) -> bool:
        """v2 is a SQLite file, which holds anything anywhere."""
        return self.vendor == "sqlite"

    def table(self, model: type[Model]) -> str:
        """The model's table."""
        return self._connection.ops.quote_name(model._meta.db_table)

    def column(self, alias: str, model: type[Model], attname: str) -> str:
        """A column as it is; NULL where v2 lacks it."""
        if not self._source.has(model, attname):
            return "NULL"
        field = next(f for f in model._meta.concrete_fields if attname in (f.attname, f.name))
        return f"{alias}.{self._connection.ops.quote_name(str(field.column))}"

    def key(self, alias: str, model: type[Model], attname: str) -> str:
        """An id to be compared: as legacy_v2.fields.GuidCol does."""
        column = self.column(alias, model, attname)
        if column == "NULL":
            return self.no_id
        if self.sqlite:
            return f"{column} COLLATE NOCASE"
        return f"{column}::uuid" if self.vendor == "postgresql" else column

    def shown(self, key: str) -> str:
        """An id as text, to be grouped by, of which there is a first and a last."""
        if self.sqlite:
            return f"lower({key})"
        return f"CAST({key} AS {'text' if self.vendor == 'postgresql' else 'char(36)'})"

    @property
    def no_id(self) -> str:
        """No id, where v2 lacks the column."""
        types = {"sqlite": "text", "postgresql": "uuid"}
        return f"CAST(NULL AS {types.get(self.vendor, 'uniqueidentifier')})"

    def joined(self, *texts: str) -> str:
        """Texts one behind another."""
        return (" + " if self.vendor == SQL_SERVER else " || ").join(texts)

    def is_empty(self, text: str) -> str:
        """Whether a text is null or has no character at all; blanks count (SQL Server's = not)."""
        none = f"DATALENGTH({text}) = 0" if self.vendor == SQL_SERVER else f"{text} = ''"
        return f"({text} IS NULL OR {none})"

    def longer_than(self, text: str, characters: int) -> str:
        """Whether a text has more characters; on SQL Server one beyond U+FFFF counts as two."""
        if self.vendor == SQL_SERVER:
            return f"DATALENGTH({text}) > {2 * characters}"  # LEN leaves out blanks at the end
        return f"length({text}) > {characters}"

    def size(self, text: str) -> str:
        """Bytes of a text as the server keeps it: UTF-8; on SQL Server two a character."""
        if self.sqlite:
            return f"length(CAST({text} AS blob))"
        if self.vendor == "postgresql":
            return f"octet_length({text})"
        return f"CAST(DATALENGTH({text}) AS bigint)"

    def limited(self, select: str, rows: int) -> str:
        """The first rows of a SELECT, in its order."""
        if self.vendor == SQL_SERVER:
            return select.replace("SELECT", f"SELECT TOP {rows}", 1)
        return f"{select} LIMIT {rows}"

    def is_dirty(self, text: str) -> str:
        """Whether PostgreSQL could not store a text; now and then one that it could (M4).

        SQLite: length(), LIKE and = stop at U+0000 or give up at half a pair; bytes do not.
        SQL Server: each half of a sound pair counts too.
        """
        if self.sqlite:
            raw = f"CAST({text} AS blob)"
            half = f"(hex({text}) LIKE '%%EDA%%' OR hex({text}) LIKE '%%EDB%%')"
            return f"(instr({raw}, x'00') > 0 OR (instr({raw}, x'ED') > 0 AND {half}))"
        if self.vendor == SQL_SERVER:
            code_points = f"{text} COLLATE Latin1_General_BIN2"
            halves = "N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%'"
            return f"(CHARINDEX(NCHAR(0), {code_points}) > 0 OR {code_points} LIKE {halves})"
        return "1 = 0"

    def has_replacement(self, text: str) -> str:
        """Whether a text holds U+FFFD, which a cleaned text may become equal to."""
        if self.sqlite:
            return f"instr(CAST({text} AS blob), x'EFBFBD') > 0"
        if self.vendor == SQL_SERVER:
            return f"CHARINDEX(NCHAR(65533), {text} COLLATE Latin1_General_BIN2) > 0"
        return "1 = 0"  # nothing there is ever cleaned

    def odd_id(self, column: str, *, required: bool) -> str:
        """Whether a reference may be such as the mapping refuses."""
        missing = f"{column} IS NULL"
        if column == "NULL":
            return "1 = 0"
        if not self.sqlite:
            return missing if required else "1 = 0"
        other = f"typeof({column}) <> 'text' OR length({column}) <> length(CAST({column} AS blob))"
        return f"({missing} OR {other})" if required else f"(NOT {missing} AND ({other}))"

    def odd_own_id(self, column: str) -> str:
        """Whether a row's own Id is none; only SQLite holds such."""
        if not self.sqlite:
            return "1 = 0"
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
            if self.vendor == SQL_SERVER:  # its older datetime begins in 1753
                first, last = f"CAST({first} AS datetime2)", f"CAST({last} AS datetime2)"
            tests.append(f"{column} < {first} OR {column} >= {last}")
        odd = " OR ".join(tests) or "1 = 0"
        return f"({odd})" if required else f"({column} IS NOT NULL AND ({odd}))"
