"""The admin's list of errors and warnings, and their pages."""

import pytest

from tests.factories import SubmissionFactory
from tests.integration.admin.rows import BATCH, change, finding, listed, progress
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
