"""The admin's list of errors and warnings, and their pages."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import SubmissionFactory
from tests.integration.admin.rows import BATCH, address, change, finding, listed, progress
from transfer.detail import encode_detail
from transfer.models import MigrationError

pytestmark = pytest.mark.django_db


class TestErrors:
    def test_a_warning_leads_to_the_migrated_record(self, get):
        submission = SubmissionFactory(migration_batch=BATCH)
        row = finding(severity="warning", code="number_missing", record_id=str(submission.pk))
        page = get(change(row))
        assert change(submission) in page
        assert "M12: no lookup code" in page

    def test_an_error_says_that_its_record_is_not_in_v3(self, get):
        assert "not in v3" in get(change(finding()))

    @pytest.mark.parametrize(
        "other",
        [
            {"v2_table": "FormSubmissionMetaData"},
            {"record_id": None},
            {"record_id": "17"},
            {"table_name": "no_such_table"},
            {"code": "a_code_of_another_version", "error_detail": None, "error_message": None},
        ],
        ids=str,
    )
    def test_a_finding_about_anything_else_has_a_page_too(self, get, other):
        assert get(change(finding(**other)))

    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ({"migration_name": "other"}, {"migration_name": "other"}),
            ({"code": "number_missing"}, {"code": "number_missing"}),
            ({"severity__exact": "warning"}, {"severity": "warning"}),
            ({"table_name": "forms"}, {"table_name": "forms"}),
            ({"resolved": "yes"}, {"resolved_at": "2025-01-22 00:00Z"}),
        ],
        ids=str,
    )
    def test_they_are_filtered(self, get, query, wanted):
        progress(migration_name="other")
        other, found = finding(), finding(**wanted)
        rows = listed(get, MigrationError, **query)
        assert change(found) in rows
        assert change(other) not in rows

    def test_unresolved_ones_are_filtered(self, get):
        open_one, closed = finding(), finding(resolved_at="2025-01-22 00:00Z")
        rows = listed(get, MigrationError, resolved="no")
        assert change(open_one) in rows
        assert change(closed) not in rows

    def test_they_are_found_by_the_v2_id_in_either_case(self, get):
        row, other = finding(), finding()
        rows = listed(get, MigrationError, q=row.record_id.upper())
        assert change(row) in rows
        assert change(other) not in rows


class TestAtAGlance:
    def test_the_list_tells_state_and_attempts(self, get):
        finding(attempts=7)
        finding(severity="warning")
        finding(resolved_at="2025-01-22 00:00Z")
        rows = listed(get, MigrationError)
        for state in ("open", "accepted", "resolved"):
            assert rows.count(f'class="state {state}"') == 1
        assert '<td class="field-attempts">7</td>' in rows

    def test_which_of_several_faults_it_is_is_told_where_there_are_several(self, get):
        same = {"record_id": "5e", "column_name": "FieldId", "severity": "warning"}
        first, second = finding(**same), finding(**same, occurrence=2)
        alone = [
            finding(**same | {other: value})
            for other, value in (("record_id", "6f"), ("column_name", "x"), ("code", "x"))
        ]

        rows = listed(get, MigrationError)

        assert rows.count("no. 1") == rows.count("no. 2") == 1
        assert "no. 1 of this code and column" in get(change(first))
        assert "no. 2 of this code and column" in get(change(second))
        for row in alone:
            assert "of this code and column" not in get(change(row))

    def test_a_list_costs_the_same_queries_for_one_row_and_for_fifty(self, get):
        def queries():
            with CaptureQueriesContext(connection) as captured:
                get(address(MigrationError, "changelist"))
            return len(captured)

        finding()
        one = queries()
        for number in range(49):
            finding(record_id="5e", occurrence=number + 1)
        assert queries() == one

    def test_the_list_reads_no_recorded_record(self, get):
        finding()
        with CaptureQueriesContext(connection) as captured:
            get(address(MigrationError, "changelist"))
        assert "error_detail" not in " ".join(query["sql"] for query in captured)


class TestPage:
    def test_an_open_error_says_how_to_try_it_again_and_a_warning_why_it_is_accepted(self, get):
        error = finding(migration_name="a night's work")
        assert (
            "manage.py retry_v2 --name &#x27;a night&#x27;&quot;&#x27;&quot;&#x27;s work&#x27;"
            f" --table submissions --id {error.record_id}"
        ) in get(change(error))
        assert "M18: its form does not exist or was not migrated" in get(change(error))

        page = get(change(finding(severity="warning", code="number_missing")))
        assert "accepted difference (M12): v3 requires a number" in page
        assert "retry_v2" not in page

    def test_its_record_is_readable_and_nothing_in_it_is_html(self, get):
        nasty = "<script>alert(1)</script>\0\u202e=1+1"
        record = {"LookupCode": nasty, "Id": nasty, "answers": [{"FreeFormEntry": nasty}]}
        error = finding(
            error_detail=json.loads(encode_detail(record) or ""),
            error_message=nasty.replace("\0", ""),
            column_name="<b>\x1b",
            record_id="<i>",
        )
        page = get(change(error))
        for shown in (page, listed(get, MigrationError)):
            for raw in ("<script>alert", "\0", "\u202e", "\x1b", "<b>", "<i>"):
                assert raw not in shown
            assert "&lt;script&gt;alert(1)" in shown
        assert page.count('title="CONTROL CHARACTER">U+0000</span>') == 3

    @pytest.mark.parametrize("key", ["0", "x", "9" * 30])
    def test_a_page_of_none_leads_back(self, admin_client, key):
        response = admin_client.get(address(MigrationError, "change", key))
        assert response.status_code == 302
