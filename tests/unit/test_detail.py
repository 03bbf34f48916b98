"""error_detail: any v2 record goes into jsonb and comes back."""

import hashlib
import json
import tracemalloc
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PROPERTY
from tests.runs import answers_in
from transfer import detail as detail_module
from transfer.detail import (
    MAX_DOCUMENT,
    MAX_ELEMENTS,
    MAX_TEXT,
    decode_detail,
    encode_detail,
    list_digest,
)
from transfer.mapping.record_detail import V2_COLUMNS, detail, submission_detail
from transfer.records import V2Answer, V2Submission

# Every code point, the ones jsonb refuses and the ones the escape is made of more often.
text = st.text(st.characters() | st.sampled_from('\x00\ud800\udc00\udfff\\u0{}"'))
values = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False,
                                                                             allow_infinity=False)
    | text
)  # fmt: skip
columns = st.sampled_from(["Id", "Name", "FreeFormEntry", "StoredValue"])
records = st.dictionaries(columns, values)


@PROPERTY
@given(records | records.flatmap(lambda r: st.just(r | {"answers": [r, r]})))
def test_a_record_comes_back_as_it_was(record: dict[str, object]) -> None:
    encoded = encode_detail(record)
    assert encoded is not None

    assert decode_detail(json.loads(encoded)) == record


@PROPERTY
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


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 2**63, -(2**63) - 1])
def test_a_number_json_has_no_form_for_is_its_text(value: float) -> None:
    assert json.loads(encode_detail({"Required": value}) or "") == {"Required": str(value)}


def test_no_record_is_no_detail() -> None:
    assert encode_detail(None) is None


def test_no_column_of_v2_is_named_as_an_escape_or_a_cut_is() -> None:
    named = {column for columns in V2_COLUMNS.values() for column in columns} | {"answers"}

    assert not named & {"escaped", "cut", "length", "sha256"}


@PROPERTY
@given(st.recursive(values, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_value_of_v2_is_an_object_or_a_list_by_the_time_it_is_encoded(value: object) -> None:
    kept = detail("Choice", ("id", value))["DisplayName"]

    assert not isinstance(kept, dict | list)


def test_a_very_long_text_is_cut_and_says_what_it_was() -> None:
    text = "a\x00" + "é" * MAX_TEXT
    cut = json.loads(encode_detail({"Id": "x", "FreeFormEntry": text}) or "")["FreeFormEntry"]
    assert decode_detail(cut["cut"]) == text[:200]
    assert cut["length"] == len(text)
    assert cut["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_a_text_of_the_longest_length_stays_whole() -> None:
    text = "a" * MAX_TEXT
    assert json.loads(encode_detail({"a": text}) or "") == {"a": text}


def test_r7_many_long_texts_never_make_a_document_that_postgresql_refuses() -> None:
    answers = [{"FreeFormEntry": "a" * (MAX_TEXT - n)} for n in range(40)]
    encoded = encode_detail({"answers": answers}) or ""
    assert len(encoded) < MAX_DOCUMENT
    assert [a["FreeFormEntry"]["length"] for a in json.loads(encoded)["answers"]] == [
        MAX_TEXT - n for n in range(40)
    ]


# A submission with more answers than a document may hold


def a_submission(answers: list[V2Answer]) -> dict[str, Any]:
    row = V2Submission("s", "f", "t", "L-1", datetime(2024, 3, 1), None, None)  # noqa: DTZ001 - v2's times have no zone
    return submission_detail(row, answers)


def some_answers(count: int, text: str = "a\x00\ud800") -> list[V2Answer]:
    return [("s", "field", f"{n} {text}", None, str(n)) for n in range(count)]


@pytest.mark.parametrize("count", [0, 1, 1999, 2000, 2001])
def test_a_list_is_cut_where_the_document_is_too_long_for_it(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    whole = len(encode_detail(a_submission(some_answers(2000))) or "")
    monkeypatch.setattr(detail_module, "MAX_DOCUMENT", whole)
    record = a_submission(some_answers(count))

    stored = json.loads(encode_detail(record) or "")

    assert answers_in(stored) == count
    if count <= 2000:
        assert decode_detail(stored["answers"]) == list(record["answers"])
    else:
        assert decode_detail(stored["answers"]["cut"]) == list(record["answers"][:MAX_ELEMENTS])
        assert stored["answers"]["length"] == count
        assert stored["answers"]["sha256"] == list_digest(record["answers"])
    assert decode_detail(stored["LookupCode"]) == "L-1"


def test_the_digest_of_a_list_is_that_of_its_elements_uncut() -> None:
    lines = b"".join(
        b'{"FormSubmissionId":"s","FieldId":"field","FreeFormEntry":{"escaped":"%d a\\\\u0000"},'
        b'"FieldChoiceMapId":null,"Id":"%d"}\n' % (n, n)
        for n in range(2)
    )

    assert list_digest(a_submission(some_answers(2, "a\x00"))["answers"]) == (
        hashlib.sha256(lines).hexdigest()
    )


def test_the_digest_of_a_list_tells_long_texts_apart_to_their_end() -> None:
    one, other = (
        list_digest(a_submission(some_answers(2, "x" * 5000 + end))["answers"]) for end in "ab"
    )

    assert one != other


def test_a_cut_list_keeps_the_beginnings_of_long_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detail_module, "MAX_DOCUMENT", 1000)
    text = "é" * 5000

    stored = json.loads(encode_detail(a_submission(some_answers(3, text))) or "")

    (first, *_) = stored["answers"]["cut"]
    assert first["FreeFormEntry"]["cut"] == f"0 {text}"[:200]
    assert first["FreeFormEntry"]["length"] == 5002


def test_r5_a_submission_with_very_many_answers_takes_no_memory_of_their_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(detail_module, "MAX_DOCUMENT", 100_000)
    answers = some_answers(20_000)
    tracemalloc.start()
    try:
        encoded = encode_detail(a_submission(answers)) or ""
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert answers_in(json.loads(encoded)) == 20_000
    assert peak < 5_000_000  # as objects, all of them together are several times that
