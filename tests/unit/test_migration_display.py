"""How the admin shows findings, the v2 records they keep, and the ledger."""

import json
import re
import shlex
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.admin_display import (
    ROWS_SHOWN,
    TEXT_SHOWN,
    findings,
    ledger,
    meaning,
    retry_command,
    state_of,
    to_do,
    v2_record,
)
from transfer.detail import MAX_TEXT, encode_detail
from transfer.management.commands.retry_v2 import Command
from transfer.mapping.codes import CODES, Code, Severity
from transfer.models import MigrationError, MigrationProgress

ID = "000a0001-0000-4000-8000-000a00000001"


def error(**values: Any) -> MigrationError:
    usual = {"migration_name": "night", "table_name": "users", "v2_table": "User"}
    usual |= {"record_id": ID, "severity": "error", "code": "email_missing"}
    return MigrationError(**usual | values)


def stored(record: dict[str, Any]) -> Any:
    return json.loads(encode_detail(record) or "null")


def shown(record: dict[str, Any], v2_table: str = "User") -> str:
    return v2_record(v2_table, stored(record))


def words(html: str) -> str:
    """The text a reader sees, blanks and lines as one blank."""
    return " ".join(unescape(re.sub("<[^>]*>", " ", html)).split())


def progress(document: dict[str, Any]) -> MigrationProgress:
    return MigrationProgress(migration_name="a & b", table_name="submissions", ledger=document)


class TestFindings:
    @pytest.mark.parametrize("resolved_at", [None, datetime(2025, 1, 22, tzinfo=UTC)])
    @pytest.mark.parametrize("severity", ["error", "warning"])
    def test_a_finding_is_open_accepted_or_resolved(self, severity, resolved_at):
        now = state_of(error(severity=severity, resolved_at=resolved_at))
        usual = {"error": "open", "warning": "accepted"}
        assert now == ("resolved" if resolved_at else usual[severity])

    @pytest.mark.parametrize("code", list(Code))
    def test_each_code_says_what_it_means_and_each_warning_why_it_is_accepted(self, code):
        info = CODES[code]
        assert words(meaning(code.value)) == f"{info.rule}: {info.meaning}"
        said = words(to_do(error(code=code.value, severity=info.severity.value)))
        if info.severity is Severity.WARNING:
            assert said == f"Nothing. This is an accepted difference ({info.rule}): {info.reason}."
        else:
            assert said.endswith(f"manage.py retry_v2 --name night --table users --id {ID}")

    def test_a_code_of_another_version_is_no_crash(self):
        assert "another version" in meaning("<b>")
        assert "accepted difference." in to_do(error(code="<b>", severity="warning"))

    def test_a_resolved_one_says_since_when(self):
        said = words(to_do(error(resolved_at=datetime(2025, 1, 22, 3, tzinfo=UTC))))
        assert said == "Nothing any more: resolved 2025-01-22 03:00:00 UTC."


class TestCommand:
    @given(
        # No migration is named like an option.
        name=st.text(min_size=1).filter(
            lambda text: text.isprintable() and text == text.strip() and not text.startswith("-")
        ),
        key=st.text(min_size=1).filter(
            lambda text: text.isprintable() and text == text.strip().lower()
        ),
    )
    def test_a_shell_and_the_command_read_what_was_meant(self, name, key):
        words = shlex.split(retry_command(error(migration_name=name, record_id=key)) or "")
        assert words[:2] == ["manage.py", "retry_v2"]
        parser = Command().create_parser("manage.py", "retry_v2")
        read = parser.parse_args(words[2:])
        assert (read.name, read.tables, read.ids) == (name, ["users"], [key])

    @pytest.mark.parametrize(
        "other",
        [
            {"record_id": None},
            {"record_id": ""},
            {"record_id": "a\nb"},
            {"record_id": " a"},
            {"record_id": "A"},
            {"migration_name": "\x1b[31m"},
            {"migration_name": "night "},
            {"migration_name": ""},
        ],
        ids=str,
    )
    def test_there_is_none_for_what_the_command_cannot_be_told(self, other):
        assert retry_command(error(**other)) is None
        assert "retry_v2" not in to_do(error(**other))

    def test_nothing_in_it_is_html(self):
        html = to_do(error(migration_name="<b>$(x)`y`'\""))
        assert "<b>" not in html
        assert "&lt;b&gt;" in html


class TestRecord:
    def test_columns_come_in_v2s_order(self):
        html = words(shown({"LastName": "L", "FirstName": "F", "Email": None, "Id": ID}))
        assert html == f"column value Id {ID} Email null FirstName F LastName L"

    def test_what_jsonb_refuses_is_seen_where_it_was(self):
        html = shown({"FirstName": "a\0b\ud800c\\u0000"})
        assert "a U+0000 b U+D800 c\\u0000" in words(html)
        assert html.encode()  # no surrogate is left in the page

    @pytest.mark.parametrize(
        "text", ["<script>alert(1)</script>", "=1+1", "[red]", "\x1b[31m", "\u202eabc", "{{ x }}"]
    )
    def test_a_text_is_text_whatever_it_holds(self, text):
        html = shown({"FirstName": text, text: "x", "answers": [{text: text}]})
        assert "<script" not in html
        assert "\x1b" not in html
        assert "\u202e" not in html
        visible = text.replace("\x1b", " U+001B ").replace("\u202e", " U+202E ").strip()
        assert words(html).count(visible) == 4

    def test_a_value_of_another_type_than_text_is_told_apart(self):
        html = words(shown({"FirstName": 7, "LastName": "7", "UserName": "", "IsActive": True}))
        assert "FirstName 7 number LastName 7 IsActive true true or false" in html
        assert "UserName empty" in html

    def test_a_cut_text_says_so_with_its_length_and_digest(self):
        long = "<" * (MAX_TEXT + 1)
        detail = stored({"FirstName": long})
        html = words(v2_record("User", detail))
        digest = detail["FirstName"]["sha256"]
        assert f"cut: the first 200 of 1,000,001 characters; SHA-256 of all: {digest}" in html

    def test_a_cut_text_that_begins_with_what_jsonb_refuses(self):
        html = words(shown({"FirstName": "\0" + "x" * MAX_TEXT}))
        assert "U+0000 xxx" in html
        assert "cut: the first 200 of 1,000,001 characters" in html

    def test_a_long_text_is_not_all_on_the_page(self):
        html = shown({"FirstName": "x" * (TEXT_SHOWN + 1)})
        assert f"the first {TEXT_SHOWN:,} of {TEXT_SHOWN + 1:,} characters are shown" in html
        assert "x" * TEXT_SHOWN in html
        assert "x" * (TEXT_SHOWN + 1) not in html
        assert "characters are shown" not in shown({"FirstName": "x" * TEXT_SHOWN})

    @pytest.mark.parametrize("number", [0, 1, ROWS_SHOWN, ROWS_SHOWN + 1])
    def test_answers_are_a_table_of_which_the_beginning_is_shown(self, number):
        answers = [{"FieldId": ID, "FreeFormEntry": f"<{n}>"} for n in range(number)]
        html = shown({"Id": ID, "answers": answers}, "FormSubmission")
        assert f"answers: {number:,}" in words(html)
        assert html.count("&lt;") == min(number, ROWS_SHOWN)
        assert ("are shown" in html) is (number > ROWS_SHOWN)

    def test_a_cut_list_of_answers_says_how_many_there_were(self):
        cut = {"cut": [{"FreeFormEntry": "me"}], "length": 1_000_000, "sha256": "ab" * 32}
        html = words(v2_record("FormSubmission", {"Id": ID, "answers": cut}))
        assert "answers: 1,000,000, of which the first 1 are kept; SHA-256 of all: abab" in html
        assert "FreeFormEntry me" in html

    @pytest.mark.parametrize("detail", [None, [], [1], 3, "x", {}], ids=str)
    def test_what_is_no_record_is_no_crash(self, detail):
        assert v2_record("User", detail)


class TestLedger:
    def test_each_number_stands_under_its_name_with_its_reasons(self):
        records = {"read": 1000, "migrated": 997, "failed": {"form_unknown": 2, "id_taken": 1}}
        answers = {"read": 9, "migrated": 4, "merged": 2, "set_aside": {"unmapped": 3}}
        html = ledger(progress({"records": records, "answers": answers}))
        assert words(html) == (
            "read = migrated + merged + set aside + failed"
            " records 1,000 997 0 0 3 2 form_unknown 1 id_taken"
            " answers 9 4 2 3 3 unmapped 0"
        )
        assert "migration_name=a+%26+b&amp;table_name=submissions&amp;code=id_taken" in html

    def test_what_v2_has_deleted_since_is_told_and_what_does_not_add_up_too(self):
        html = words(ledger(progress({"records": {"read": 3, "migrated": 3, "gone": 2}})))
        assert "3 (and 2 gone from v2 since)" in html
        assert "add up" not in html
        assert "(this does not add up)" in ledger(progress({"records": {"read": 3}}))

    @pytest.mark.parametrize("document", [{}, [], None, {"records": 1}], ids=str)
    def test_there_may_be_none(self, document):
        assert words(ledger(progress(document))) == "none is kept yet"

    def test_findings_are_counted_explained_and_linked(self):
        html = findings(progress({"findings": {"number_missing": 1234, "<b>": 1}}))
        assert "1,234 number_missing warning M12: no lookup code" in words(html)
        assert "code=number_missing" in html
        assert "<b>" not in html
        assert words(findings(progress({}))) == "none"
