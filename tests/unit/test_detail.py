"""error_detail: any v2 record goes into jsonb and comes back."""

import hashlib
import json
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from transfer.detail import MAX_DOCUMENT, MAX_TEXT, decode_detail, encode_detail

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


def test_a_very_long_text_is_cut_and_says_what_it_was():
    text = "a\x00" + "é" * MAX_TEXT
    cut = json.loads(encode_detail({"Id": "x", "FreeFormEntry": text}) or "")["FreeFormEntry"]
    assert decode_detail(cut["cut"]) == text[:200]
    assert cut["length"] == len(text)
    assert cut["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_a_text_of_the_longest_length_stays_whole():
    text = "a" * MAX_TEXT
    assert json.loads(encode_detail({"a": text}) or "") == {"a": text}


def test_r7_many_long_texts_never_make_a_document_that_postgresql_refuses():
    answers = [{"FreeFormEntry": "a" * (MAX_TEXT - n)} for n in range(40)]
    encoded = encode_detail({"answers": answers}) or ""
    assert len(encoded) < MAX_DOCUMENT
    assert [a["FreeFormEntry"]["length"] for a in json.loads(encoded)["answers"]] == [
        MAX_TEXT - n for n in range(40)
    ]
