"""The list of submissions: what it finds, and what it costs however many there are."""

import json

import pytest
from django.contrib.admin import site
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pliers import admin_lists
from submissions.models import Submission
from tests.factories import FormFactory, OrganizationFactory, SubmissionFactory
from tests.integration.admin.rows import BATCH, address, change, listed, progress

pytestmark = pytest.mark.django_db


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
