"""error_detail: any v2 record goes into jsonb and comes back."""

import json
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from transfer.detail import decode_detail, encode_detail

# Every code point, the ones jsonb refuses and the ones the escape is made of more often.
text = st.text(st.characters() | st.sampled_from('\x00\ud800\udc00\udfff\\u0{}"'))
values = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False,
                                                                             allow_infinity=False)
    | text
)  # fmt: skip
columns = st.sampled_from(["Id", "Name", "FreeFormEntry", "StoredValue"])
records = st.dictionaries(columns, values)


@given(records | records.flatmap(lambda r: st.just(r | {"answers": [r, r]})))
def test_a_record_comes_back_as_it_was(record: dict[str, object]) -> None:
    encoded = encode_detail(record)
    assert encoded is not None

    assert decode_detail(json.loads(encoded)) == record


@given(records)
def test_nothing_that_jsonb_refuses_is_left(record: dict[str, object]) -> None:
    encoded = encode_detail(record)
    assert encoded is not None

    encoded.encode()  # a lone surrogate would raise
    assert "\\u0000" not in encoded.replace("\\\\", "")


def test_an_ordinary_record_is_stored_as_it_is() -> None:
    assert encode_detail({"Name": r"C:\temp", "Order": 7, "Required": True, "None": None}) == (
        r'{"Name":"C:\\temp","Order":7,"Required":true,"None":null}'
    )


def test_a_text_jsonb_refuses_is_marked_and_readable() -> None:
    encoded = encode_detail({"Name": "a\x00b\\c\ud800"})
    assert encoded is not None

    assert json.loads(encoded) == {"Name": {"escaped": r"a\u0000b\\c\ud800"}}


def test_a_time_is_v2_s_own_text() -> None:
    assert encode_detail({"CreatedOn": datetime(2024, 3, 1, 10, 20, 30)}) == (  # noqa: DTZ001 - v2's times have no zone
        '{"CreatedOn":"2024-03-01 10:20:30"}'
    )


def test_a_value_json_has_no_form_for_is_its_text() -> None:
    assert encode_detail({"Name": b"\xff"}) == r"""{"Name":"b'\\xff'"}"""


def test_no_record_is_no_detail() -> None:
    assert encode_detail(None) is None
