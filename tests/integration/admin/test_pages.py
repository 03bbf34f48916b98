"""What the admin's pages show of v3's records."""

import pytest

from organizations.models import Organization
from submissions.models import Submission
from tests.factories import FormFactory, OrganizationFactory, SubmissionFactory
from tests.integration.admin.rows import BATCH, address, change, listed

pytestmark = pytest.mark.django_db


class TestPages:
    def test_a_submission_shows_each_answer_under_its_label(self, get):
        form = FormFactory(
            definition={
                "fields": [
                    {"name": "FullName", "label": "Full name"},
                    {"name": "Tags", "label": "Tags"},
                    {"name": "Later", "label": "Later"},
                    "not a field",
                ]
            }
        )
        submission = SubmissionFactory(
            form=form, data={"Other": "odd", "Tags": ["a", "b"], "FullName": "Ada"}
        )

        page = get(change(submission))

        cells = page.partition('<table class="inside">')[2].partition("</table>")[0]
        assert cells.index("Full name") < cells.index("Tags") < cells.index("Later")
        assert cells.index("Later") < cells.index("Other (not a field of this form)")
        for part in ("Ada", "<li>", "not answered", "odd"):
            assert part in cells

    def test_answers_are_text_whatever_they_hold(self, get):
        nasty = "<script>alert(1)</script>\u202e"
        submission = SubmissionFactory(
            migration_batch=BATCH, data={nasty: nasty}, submission_number=f"{nasty}1"
        )
        for page in (get(change(submission)), get(address(Submission, "changelist"))):
            assert "<script>alert" not in page
            assert "&lt;script&gt;" in page
            assert "U+202E" in page

    @pytest.mark.parametrize("definition", [{}, [], {"fields": 3}, {"fields": [1, {}]}], ids=str)
    def test_a_form_whose_definition_is_not_one_can_be_looked_at(self, get, definition):
        submission = SubmissionFactory(form=FormFactory(definition=definition), data=[1])
        assert get(change(submission))
        assert get(change(submission.form))

    def test_a_form_shows_its_fields_in_a_table(self, get):
        field = {
            "name": "Color",
            "label": "Colour",
            "type": "select",
            "required": True,
            "settings": {"Columns": "2"},
            "choices": [{"value": "1", "label": "Red"}, {"value": "2", "label": "<Green>"}],
        }
        page = get(change(FormFactory(definition={"fields": [field, {"settings": 1}]})))

        cells = page.partition('<table class="inside">')[2].partition("</table>")[0]
        for part in ("Colour", "Color", "select", "yes", "Columns: 2", "Red", "&lt;Green&gt;"):
            assert part in cells

    def test_a_submission_leads_to_its_form_and_organization(self, get):
        submission = SubmissionFactory(migration_batch=BATCH)
        page = get(change(submission))
        assert change(submission.form) in page
        assert change(submission.organization) in page

    def test_an_organization_and_a_form_lead_to_what_they_have(self, get):
        submission = SubmissionFactory()
        SubmissionFactory()
        for row, name in ((submission.organization, "organization"), (submission.form, "form")):
            url = address(Submission, "changelist", **{name: str(row.pk)})
            assert url in get(change(row))
            assert listed(get, Submission, **{name: str(row.pk)}).count("<tr>") == 2

    def test_a_blank_name_can_still_be_clicked(self, get):
        OrganizationFactory(name=" ")
        assert "no name" in listed(get, Organization)

    def test_json_is_indented(self, get):
        row = OrganizationFactory(migration_batch=BATCH, settings={"a": [1]})
        assert "{\n  &quot;a&quot;: [\n    1\n  ]\n}" in get(change(row))

    def test_times_are_exact(self, get):
        row = OrganizationFactory(migration_batch=BATCH, created_at="2019-05-06 07:08:09.123456Z")
        assert "2019-05-06 07:08:09.123456 UTC" in get(change(row))
