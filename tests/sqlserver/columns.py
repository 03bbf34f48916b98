"""Columns of computed values, a row's columns, and parameters of types pysqlbridge does not read.

Importing this module teaches pysqlbridge, in this process.
"""

import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from pysqlbridge import catalog, predicate, source
from pysqlbridge.tds import rpc
from pysqlbridge.tds.result import Column

from tests.sqlserver import types
from tests.sqlserver.values import Guid

source.PYTHON_FOR.update({
    types.UniqueIdentifier: Guid, types.Text: str, types.NarrowText: str, types.Bit: bool,
    types.Integer: int, types.DateTime2: datetime, types.DateTime: datetime,
})  # fmt: skip
source.DECLARED_FOR.update({Guid: types.UniqueIdentifier(), bytes: types.LongBinary()})
_column_of = source.column_of


def _typed(name: str, values: list[object], kind: type | None = None) -> tuple[Column, list[Any]]:
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, Guid) for value in present):
        return Column(name, types.UniqueIdentifier()), list(values)
    if present and all(isinstance(value, bytes) for value in present):
        return Column(name, types.LongBinary()), list(values)
    if present and all(isinstance(value, datetime) for value in present):
        zoned = any(value.tzinfo for value in present if isinstance(value, datetime))
        kind_of_time = types.DateTimeOffset() if zoned else types.DateTime2()
        return Column(name, kind_of_time), list(values)
    made: tuple[Column, list[Any]] = _column_of(name, values, kind)
    return made


source.column_of = _typed
# An aggregate over an expression guesses its type from the text of its values; the values say it.
source.infer_column = _typed
for module in (catalog, predicate):
    if hasattr(module, "column_of"):
        module.column_of = _typed
_evaluate_column = predicate.Column.evaluate


def _read_column(column: Any, row: Mapping[str, object], params: Mapping[str, object]) -> object:
    # The usual case without a look at every name of the row.
    if column.qualified is not None and column.qualified in row:
        return row[column.qualified]
    if column.name in row:
        return row[column.name]
    return _evaluate_column(column, row, params)


predicate.Column.evaluate = _read_column
_evaluate_parameter = predicate.ParameterRef.evaluate


def _read_bound(node: Any, row: Mapping[str, object], params: Mapping[str, object]) -> object:
    # Likewise: a list of many parameters would go through all of them for each.
    if node.name in params:
        return params[node.name]
    return _evaluate_parameter(node, row, params)


predicate.ParameterRef.evaluate = _read_bound


# --- parameters: types pysqlbridge does not read ------------------------------------------------

_read_value = rpc._read_value
_WIDTHS = {0x28: 3, 0x29: 5, 0x2A: 8, 0x2B: 10}  # date, time, datetime2, datetimeoffset


def _read_parameter(payload: bytes, at: int, kind: int) -> tuple[object, int]:
    if kind not in _WIDTHS:
        found: tuple[object, int] = _read_value(payload, at, kind)
        return found
    scale = 7
    if kind != 0x28:
        scale = payload[at]
        at += 1
    size = payload[at]
    at += 1
    if not size:
        return None, at
    data = payload[at : at + size]
    at += size
    offset = 0
    if kind == 0x2B:
        offset = struct.unpack("<h", data[-2:])[0]
        data = data[:-2]
    days = int.from_bytes(data[-3:], "little") if kind != 0x29 else 0
    clock = int.from_bytes(data[:-3] if kind != 0x29 else data, "little") if kind != 0x28 else 0
    moment = datetime(1, 1, 1) + timedelta(  # noqa: DTZ001 - SQL Server's times have no zone
        days=days, microseconds=clock * 10 ** (7 - scale) // 10
    )
    if kind == 0x2B:
        zone = timezone(timedelta(minutes=offset))
        return moment.replace(tzinfo=UTC).astimezone(zone), at
    return moment, at


rpc._read_value = _read_parameter
