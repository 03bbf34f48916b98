"""The admin: what can be seen there, what cannot be done there, and what it costs."""

import json
import uuid

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from forms_app.models import Form, Workflow
from organizations.models import Organization, Plugin, User
from pliers import admin_lists
from submissions.models import Submission
from tests.factories import FormFactory, OrganizationFactory, SubmissionFactory, UserFactory
from transfer.models import MigrationError, MigrationProgress

pytestmark = pytest.mark.django_db

BATCH = "v2_migration_2025_01_22"
MODELS = [
    Organization,
    User,
    Plugin,
    Form,
    Workflow,
    Submission,
    MigrationProgress,
    MigrationError,
]


def address(model, page, *args, **query):
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args, query=query)


def change(row):
    return address(type(row), "change", row.pk)


@pytest.fixture
def get(admin_client):
    def text(url):
        response = admin_client.get(url)
        assert response.status_code == 200, response.headers.get("Location")
        return response.content.decode()

    return text


def listed(get, model, **query):
    """Return the text of the result list's rows."""
    page = get(address(model, "changelist", **query))
    return page.partition('<table id="result_list">')[2].partition("</table>")[0]


def plugin(**values):
    defaults = {"name": "Maps", "slug": "maps", "version": "1", "type": "field", "manifest": {}}
    return Plugin.objects.create(**defaults | values)


def workflow(**values):
    organization = OrganizationFactory()
    defaults = {"organization": organization, "name": "Mail", "slug": "m", "type": "t"}
    return Workflow.objects.create(**defaults | {"definition": {}} | values)


def progress(**values):
    defaults = {
        "migration_name": BATCH,
        "table_name": "submissions",
        "status": "in_progress",
        "total_records": 2000,
        "processed_records": 990,
        "failed_records": 9,
    }
    return MigrationProgress.objects.create(**defaults | values)


def finding(**values):
    defaults = {
        "migration_name": BATCH,
        "table_name": "submissions",
        "v2_table": "FormSubmission",
        "record_id": str(uuid.uuid4()),
        "severity": "error",
        "code": "form_unknown",
        "error_message": "form 'x' is not in v3",
        "error_detail": {"LookupCode": "<b>"},
    }
    return MigrationError.objects.create(**defaults | values)


class TestEveryList:
    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
    def test_it_opens_empty_and_takes_any_search(self, get, model):
        for term in ("", "abc", str(uuid.uuid4()), "%", "'", "*"):
            assert get(address(model, "changelist", q=term))

    def test_it_shows_rows(self, get):
        submission = SubmissionFactory(migration_batch=BATCH)
        user = UserFactory(organization=submission.organization)
        rows = [submission, submission.form, submission.organization, user, plugin(), workflow()]
        for row in [*rows, progress(), finding()]:
            assert change(row) in listed(get, type(row))

    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
    def test_it_runs_nothing_over_many_rows_at_once(self, rf, admin_user, model):
        request = rf.get("/")
        request.user = admin_user
        assert site.get_model_admin(model).get_actions(request) == {}

    @pytest.mark.parametrize(
        "query",
        [
            {"organization": "no-id"},
            {"organization": "\0"},
            {"migration": "\0"},
            {"status__exact": "bogus"},
        ],
        ids=str,
    )
    def test_a_wrong_address_leads_back_to_the_list(self, admin_client, query):
        SubmissionFactory()
        response = admin_client.get(address(Submission, "changelist", **query))
        assert (response.status_code, response.url.rpartition("?")[2]) == (302, "e=1")


class TestMigratedRecords:
    """They must stay what v2 says: to be seen, and that is all."""

    FACTORIES = (OrganizationFactory, UserFactory, FormFactory, SubmissionFactory)

    @pytest.mark.parametrize("factory", FACTORIES)
    def test_their_page_has_no_way_to_save_or_delete(self, get, factory):
        row = factory(migration_batch=BATCH)
        page = get(change(row))
        assert f"Migrated by {BATCH}" in page
        assert 'name="_save"' not in page
        assert 'class="deletelink"' not in page

    @pytest.mark.parametrize("factory", FACTORIES)
    def test_a_forged_request_is_refused(self, admin_client, factory):
        row = factory(migration_batch=BATCH)
        before = type(row).objects.filter(pk=row.pk).values().get()
        posted = {"name": "x", "email": "x", "submission_number": "x", "slug": "x"}

        changed = admin_client.post(change(row), posted)
        deleted = admin_client.post(address(type(row), "delete", row.pk), {"post": "yes"})

        assert (changed.status_code, deleted.status_code) == (403, 403)
        assert type(row).objects.filter(pk=row.pk).values().get() == before

    @pytest.mark.parametrize("model", [MigrationProgress, MigrationError])
    def test_progress_and_errors_are_never_written(self, admin_client, model):
        row = progress() if model is MigrationProgress else finding()
        assert admin_client.get(address(model, "add")).status_code == 403
        assert admin_client.post(change(row), {"status": "completed"}).status_code == 403
        assert admin_client.post(address(model, "delete", row.pk)).status_code == 403
        page = admin_client.get(change(row)).content.decode()
        assert 'name="_save"' not in page


class TestOwnRecords:
    def test_v3s_own_record_is_edited_and_its_time_of_change_with_it(self, admin_client):
        row = OrganizationFactory(name="Old")
        posted = {"name": "New", "slug": row.slug, "settings": '{"a": 1}'}
        posted |= {"deleted_at_0": "", "deleted_at_1": ""}

        response = admin_client.post(change(row), posted)

        assert response.status_code == 302, response.content.decode()
        row.refresh_from_db()
        assert (row.name, row.settings) == ("New", {"a": 1})

    def test_nobody_can_make_a_record_look_migrated(self, get, admin_client):
        row = OrganizationFactory()
        assert 'name="metadata"' not in get(change(row))
        posted = {
            "name": "N",
            "slug": "n",
            "settings": "{}",
            "deleted_at_0": "",
            "deleted_at_1": "",
        }

        admin_client.post(change(row), posted | {"metadata": '{"migration_batch": "x"}'})

        row.refresh_from_db()
        assert (row.name, row.metadata) == ("N", {})

    def test_a_new_record_can_be_added(self, admin_client):
        form = FormFactory()
        posted = {
            "submission_number": "N-1",
            "form": form.pk,
            "organization": form.organization.pk,
            "status": "submitted",
            "data": '{"FullName": "Ada"}',
        }
        times = {f"{n}_at_{i}": "" for n in ("submitted", "deleted") for i in (0, 1)}

        response = admin_client.post(address(Submission, "add"), posted | times)

        assert response.status_code == 302, response.content.decode()
        assert Submission.objects.get().data == {"FullName": "Ada"}

    def test_m4_json_that_cannot_be_stored_is_refused_and_no_crash(self, admin_client):
        row = OrganizationFactory()
        posted = {"name": "N", "slug": "n", "deleted_at_0": "", "deleted_at_1": ""}

        response = admin_client.post(change(row), posted | {"settings": r'{"a": "\u0000"}'})

        assert response.status_code == 200
        assert "U+0000" in response.content.decode()

    def test_a_record_that_others_hang_on_cannot_be_deleted(self, get, admin_client):
        submission = SubmissionFactory()
        for row in (submission.organization, submission.form):
            assert 'class="deletelink"' not in get(change(row))
            url = address(type(row), "delete", row.pk)
            assert admin_client.post(url, {"post": "yes"}).status_code == 403
        url = address(Submission, "delete", submission.pk)
        assert admin_client.post(url, {"post": "yes"}).status_code == 302
        assert not Submission.objects.exists()

    def test_who_may_only_view_sees_and_does_nothing_else(self, client, django_user_model):
        reader = django_user_model.objects.create_user("reader", is_staff=True)
        reader.user_permissions.add(Permission.objects.get(codename="view_submission"))
        client.force_login(reader)
        submission = SubmissionFactory()

        assert client.get(change(submission)).status_code == 200
        assert client.post(change(submission), {}).status_code == 403
        assert client.get(address(Organization, "changelist")).status_code == 403


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

    def test_progress_tells_what_is_done_and_leads_to_the_findings(self, get):
        page = get(change(progress()))
        assert "49 %" in page
        assert "errors and warnings" in page
        assert "990 of 2,000" in listed(get, MigrationProgress)

    @pytest.mark.parametrize(("total", "done"), [(None, ""), (0, "100 %"), (1000, "99 %")])
    def test_the_share_done_is_never_rounded_up(self, total, done):
        row = progress(total_records=total, processed_records=0 if total == 0 else 990)
        row.failed_records = 0 if total == 0 else 9
        assert site.get_model_admin(MigrationProgress).done(row) == done


class TestSubmissionsList:
    def test_a_number_is_found_as_it_is_or_by_its_beginning(self, get):
        SubmissionFactory(submission_number="A-1")
        SubmissionFactory(submission_number="A-10")
        SubmissionFactory(submission_number="%A-1")

        assert listed(get, Submission, q="A-1").count('class="field-title"') == 1
        assert listed(get, Submission, q="A-1*").count('class="field-title"') == 2
        assert listed(get, Submission, q="%*").count('class="field-title"') == 1
        assert listed(get, Submission, q="B").count('class="field-title"') == 0

    def test_an_id_is_found_in_either_case(self, get):
        row, other = SubmissionFactory(), SubmissionFactory()
        found = listed(get, Submission, q=str(row.pk).upper())
        assert change(row) in found
        assert change(other) not in found

    def test_migrated_and_own_ones_are_told_apart(self, get):
        progress()
        migrated, own = SubmissionFactory(migration_batch=BATCH), SubmissionFactory()
        assert change(own) not in listed(get, Submission, migration=BATCH)
        assert change(migrated) in listed(get, Submission, migration=BATCH)
        assert change(migrated) not in listed(get, Submission, migration="-")
        assert change(own) in listed(get, Submission, migration="-")

    def test_a_page_costs_the_same_queries_for_one_row_and_for_fifty(self, get):
        def queries():
            with CaptureQueriesContext(
                connection,
            ) as captured:
                get(address(Submission, "changelist"))
            return len(captured)

        SubmissionFactory()
        one = queries()
        SubmissionFactory.create_batch(49)
        assert queries() == one

    def test_it_reads_no_answers_and_no_definitions(self, get):
        SubmissionFactory()
        with CaptureQueriesContext(connection) as captured:
            get(address(Submission, "changelist"))
        sql = " ".join(query["sql"] for query in captured)
        for column in ('"data"', '"definition"', '"settings"', '"metadata",'):
            assert column not in sql

    def test_counting_stops_and_the_page_says_so(self, get, monkeypatch):
        monkeypatch.setattr(admin_lists, "COUNT_LIMIT", 3)
        SubmissionFactory.create_batch(3)
        assert "more than" not in get(address(Submission, "changelist"))
        SubmissionFactory()

        with CaptureQueriesContext(connection) as captured:
            page = get(address(Submission, "changelist"))

        assert "more than 3 submissions" in " ".join(page.split())
        assert "Counting stopped at 3" in page
        counts = [query["sql"] for query in captured if "COUNT(" in query["sql"]]
        assert len(counts) == 1
        assert "LIMIT 4" in counts[0]

    def test_pages_end_where_counting_does(self, get, admin_client, monkeypatch):
        monkeypatch.setattr(admin_lists, "COUNT_LIMIT", 3)
        monkeypatch.setattr(site.get_model_admin(Submission), "list_per_page", 2)
        SubmissionFactory.create_batch(6)
        assert listed(get, Submission, p="2").count('class="field-title"') == 1
        assert admin_client.get(address(Submission, "changelist", p="3")).status_code == 302

    @pytest.mark.parametrize("query", [{}, {"o": "4"}, {"o": "-1"}], ids=str)
    def test_the_order_is_that_of_an_index_whatever_the_address_asks_for(self, admin_client, query):
        shown = admin_client.get(address(Submission, "changelist", **query)).context["cl"]
        with connection.cursor() as cursor:
            # With sorting out of the question only an index can give the order.
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            plan = shown.queryset[:100].explain()
        assert "unique_submission_number" in plan
        assert "Sort" not in plan

    def test_a_search_by_number_uses_the_index(self, admin_client):
        SubmissionFactory.create_batch(3)
        shown = admin_client.get(address(Submission, "changelist", q="S-1")).context["cl"]
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            plan = shown.queryset.explain(format="json")
        conditions = [c for c in _conditions(json.loads(plan)) if "submission_number" in c]
        assert conditions, plan

    def test_filters_offer_a_limited_choice_and_the_chosen_one(self, get, monkeypatch):
        monkeypatch.setattr(admin_lists, "CHOICES_SHOWN", 2)
        last = SubmissionFactory(organization=OrganizationFactory(name="Z")).organization
        for name in "ABC":
            OrganizationFactory(name=name)

        page = get(address(Submission, "changelist"))
        assert "By organization (first 2)" in page
        assert f"organization={last.pk}" not in page
        assert f"organization={last.pk}" in get(
            address(Submission, "changelist", organization=str(last.pk))
        )

    def test_the_form_filter_offers_the_chosen_organizations_forms_first(self, get):
        other, form = FormFactory(name="A"), FormFactory(name="B")
        page = get(address(Submission, "changelist", organization=str(form.organization.pk)))
        assert page.index(f"form={form.pk}") < page.index(f"form={other.pk}")
        page = get(address(Submission, "changelist"))
        assert page.index(f"form={other.pk}") < page.index(f"form={form.pk}")


def _conditions(plan):
    if isinstance(plan, list):
        for item in plan:
            yield from _conditions(item)
    elif isinstance(plan, dict):
        for key, value in plan.items():
            if key == "Index Cond":
                yield value
            else:
                yield from _conditions(value)
