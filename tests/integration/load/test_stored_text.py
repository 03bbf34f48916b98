"""What only a real server can tell: any text and any record comes back from it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from tests.properties import examples
from transfer.copytext import copy_line
from transfer.detail import decode_detail, encode_detail
from transfer.target import Target

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def copied(django_db_setup: None) -> Iterator[Callable[[list[Any]], list[Any]]]:
    """A function that sends values through COPY into a text column and reads them back."""
    with closing(Target("test", exclusive=False)) as target:
        writer = target.writer
        writer.execute("CREATE TEMPORARY TABLE t (n serial, value text)")

        def through(values: list[Any]) -> list[Any]:
            writer.execute("TRUNCATE t")
            with writer.cursor() as cursor, cursor.copy("COPY t (value) FROM STDIN") as copy:
                for value in values:
                    copy.write(copy_line((value,)))
            return [row[0] for row in writer.execute("SELECT value FROM t ORDER BY n")]

        yield through


storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@examples(60, 5000, slow=True)
@given(st.lists(st.none() | storable | st.sampled_from(["\\N", "\\.", "\\", "\t", "\r\n"])))
def test_any_text_comes_back_from_the_server(
    copied: Callable[[list[Any]], list[Any]], values: list[Any]
) -> None:
    assert copied(values) == values


@examples(60, 5000, slow=True)
@given(st.dictionaries(st.sampled_from(["Id", "Name"]), st.text(st.characters())))
def test_any_record_comes_back_from_jsonb(
    copied: Callable[[list[Any]], list[Any]], record: dict[str, str]
) -> None:
    with closing(Target("test", exclusive=False)) as target:
        ((stored,),) = target.read(sql.SQL("SELECT %s::jsonb::text"), (encode_detail(record),))

    assert decode_detail(orjson.loads(stored)) == record
