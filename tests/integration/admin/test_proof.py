"""The admin's pages of verifications, of the differences they found, and of deferrals."""

import html
import re

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import SubmissionFactory
from tests.integration.admin.rows import (
    BATCH,
    address,
    change,
    deferral,
    difference,
    finding,
    listed,
    progress,
    verification,
)
from tests.pages import Page
from tests.verify_documents import check, differences, document, failed
from tests.verify_documents import difference as told
from transfer.html_report import CONTENT_SECURITY_POLICY, render_html
from transfer.models import MigrationDeferral, MigrationDifference, MigrationVerification

pytestmark = pytest.mark.django_db

NASTY = "<script>alert(1)</script>\u202e\x1b"
MODELS = [
    (MigrationVerification, verification),
    (MigrationDifference, difference),
    (MigrationDeferral, deferral),
]
TIME = "2025-01-22 00:00Z"
OTHER, FORMS = {"migration_name": "other"}, {"table_name": "forms"}
NAMES = [model.__name__ for model, _ in MODELS]


def download(row):
    return address(MigrationVerification, "report", row.pk)


def queries_of(get, url):
    with CaptureQueriesContext(connection) as captured:
        get(url)
    return [query["sql"] for query in captured]


def words(text):
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", text)).split())


def many(make, number):
    """Make rows of one kind as different as they can be."""
    for _ in range(number):
        if make is verification:
            make()
        elif make is difference:
            make(verification=verification(), record_id=str(SubmissionFactory().pk))
        else:
            make(settled_at=TIME)


class TestLists:
    @pytest.mark.parametrize(("model", "make"), MODELS, ids=NAMES)
    def test_a_list_costs_the_same_queries_for_one_row_and_for_fifty(
        self, get, django_assert_num_queries, model, make
    ):
        progress()
        many(make, 1)
        url = address(model, "changelist")
        one = len(queries_of(get, url))
        many(make, 49)
        with django_assert_num_queries(one):
            get(url)

    @pytest.mark.parametrize(("model", "make"), MODELS, ids=NAMES)
    def test_a_count_stops_at_the_limit(self, get, monkeypatch, model, make):
        monkeypatch.setattr("pliers.admin_lists.COUNT_LIMIT", 3)
        many(make, 5)
        page = get(address(model, "changelist"))
        assert "more than 3" in page
        assert "Counting stopped at 3" in page

    def test_the_list_of_verifications_reads_no_report_and_no_state(self, get):
        verification()
        rows = queries_of(get, address(MigrationVerification, "changelist"))
        asked = [sql for sql in rows if 'FROM "migration_verifications"' in sql]
        assert asked
        for sql in asked:
            # Of the report, what the server picks out of it and nothing else.
            assert re.findall(r'"report"(?! *#?->>| *#>>)|"state"|"basis"', sql) == []

    @pytest.mark.parametrize(
        ("model", "make", "query", "wanted"),
        [
            (MigrationVerification, verification, OTHER, OTHER),
            (
                MigrationVerification,
                verification,
                {"status__exact": "abandoned"},
                {"status": "abandoned"},
            ),
            (MigrationDifference, difference, OTHER, OTHER),
            (MigrationDifference, difference, {"kind__exact": "different"}, {"kind": "different"}),
            (MigrationDifference, difference, FORMS, FORMS),
            (MigrationDifference, difference, {"column_name": ""}, {"column_name": ""}),
            (MigrationDifference, difference, {"resolved": "yes"}, {"resolved_at": TIME}),
            (MigrationDeferral, deferral, OTHER, OTHER),
            (MigrationDeferral, deferral, {"kind__exact": "index"}, {"kind": "index"}),
            (MigrationDeferral, deferral, FORMS, FORMS),
            (MigrationDeferral, deferral, {"settled": "yes"}, {"settled_at": TIME}),
        ],
        ids=lambda value: str(value) if isinstance(value, dict) else getattr(value, "__name__", ""),
    )
    def test_they_are_filtered(self, get, model, make, query, wanted):
        progress(migration_name="other")
        kinds = {difference: {"kind": "missing_in_v3"}, deferral: {"kind": "foreign_key"}}
        others = {"name": "another"} if make is deferral else {}
        other, found = make(**kinds.get(make, {})), make(**others | wanted)
        rows = listed(get, model, **query)
        assert change(found) in rows
        assert change(other) not in rows

    @pytest.mark.parametrize(
        ("model", "make", "name"),
        [(MigrationDifference, difference, "resolved"), (MigrationDeferral, deferral, "settled")],
    )
    def test_open_ones_are_filtered(self, get, model, make, name):
        closed, waiting = make(**{f"{name}_at": TIME}), make()
        rows = listed(get, model, **{name: "no"})
        assert change(waiting) in rows
        assert change(closed) not in rows

    def test_differences_are_found_by_record_in_either_case(self, get):
        row, odd, other = difference(), difference(record_id="17"), difference()
        rows = listed(get, MigrationDifference, q=row.record_id.upper())
        assert change(row) in rows
        assert change(other) not in rows
        assert change(odd) in listed(get, MigrationDifference, q="17")

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({}, "everything FAILED"),
            ({"report": document()}, "everything PASSED"),
            ({"report": document(), "sample": 500}, "a sample of 500 a table PASSED of a sample"),
            ({"report": {}}, "everything none yet"),
            (
                {"report": None, "status": "in_progress", "completed_at": None},
                "In Progress everything none yet",
            ),
        ],
        ids=str,
    )
    def test_verifications_tell_their_verdict(self, get, values, said):
        verification(**values)
        assert said in words(listed(get, MigrationVerification))

    def test_a_report_that_contradicts_itself_does_not_look_good(self, get):
        verification(report=document(differences=differences(told())))
        assert '<span class="state open">PASSED</span>' in listed(get, MigrationVerification)

    def test_differences_show_both_values_with_what_differs_marked(self, get):
        difference()
        rows = listed(get, MigrationDifference)
        assert "&quot;Ad<mark>a</mark>&quot;" in rows
        assert "&quot;Ad<mark>i</mark>&quot;" in rows


class TestVerification:
    def test_its_page_tells_the_verdict_first_and_what_to_do(self, get):
        page = words(get(change(verification())))
        assert "Failed: do not go live" in page
        assert f"manage.py verify_v2 --name {BATCH}" in page
        assert page.index("do not go live") < page.index("check_name")
        assert "Submissions 2,000 1,996 4 FAILED" in page
        assert "number_missing M12 submissions 31" in page

    def test_it_leads_to_its_differences_and_to_the_open_ones(self, get):
        progress()
        mine = difference()
        later = difference(verification=verification(), kind="missing_in_v3")
        resolved = difference(verification=mine.verification, resolved_at=TIME)
        page = get(change(mine.verification))
        [run] = re.findall(r'href="([^"]*)">those it found last', page)
        [still] = re.findall(r'href="([^"]*)">all open ones', page)

        rows = get(html.unescape(run))
        assert change(mine) in rows
        assert change(resolved) in rows
        assert change(later) not in rows
        rows = get(html.unescape(still))
        assert change(mine) in rows
        assert change(later) in rows
        assert change(resolved) not in rows

    @pytest.mark.parametrize(
        ("column", "there"),
        [("data", ["data", "data[FullName]"]), ("", [""]), ("updated_at", ["updated_at"])],
    )
    def test_each_place_leads_to_the_differences_there(self, get, column, there):
        run = verification(report=failed(differences=differences(told(column=column))))
        [url] = re.findall(r'href="([^"]*column_name[^"]*)"', get(change(run)))
        for place in ("", "data", "data[FullName]", "metadata", "database", "updated_at"):
            row = difference(verification=run, column_name=place)
            assert (change(row) in get(html.unescape(url))) is (place in there), place

    def test_long_lists_are_cut(self, get):
        checks = [check(f"Check {number}", 1, 1) for number in range(105)]
        page = words(get(change(verification(report=document(checks=checks)))))
        assert "Check 99 " in page
        assert "Check 100" not in page
        assert "and 5 lines more" in page

    @pytest.mark.parametrize(
        "report", [None, {}, [], "x", {"checks": 3, "tables": [1], "differences": []}], ids=str
    )
    def test_one_without_a_report_or_with_another_has_a_page_too(self, get, report):
        row = verification(status="abandoned", report=report)
        assert BATCH in get(change(row))


class TestDownload:
    def test_it_is_the_html_report_as_a_file(self, admin_client):
        row = verification(migration_name=f"{NASTY} ä/..\\x")
        response = admin_client.get(download(row))
        assert response.status_code == 200
        assert response.content.decode() == render_html(row.report)
        assert Page(response.content.decode()).root.all("section", "verdict")
        disposition = response.headers["Content-Disposition"]
        assert re.fullmatch(r'attachment; filename="verification-[a-z0-9-]+\.html"', disposition)
        assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY

    def test_its_page_leads_to_it(self, get):
        row = verification()
        assert f'href="{download(row)}"' in get(change(row))

    def test_without_a_report_there_is_none(self, admin_client, get):
        row = verification(status="in_progress", completed_at=None, report=None)
        assert admin_client.get(download(row)).status_code == 404
        assert "there is no report yet" in get(change(row))

    @pytest.mark.parametrize("key", ["0", "x", "9" * 30])
    def test_of_none_there_is_none(self, admin_client, key):
        url = address(MigrationVerification, "report", key)
        assert admin_client.get(url).status_code == 404

    def test_it_is_only_looked_at(self, admin_client):
        assert admin_client.post(download(verification())).status_code == 405


class TestDifference:
    def test_it_leads_to_the_record_and_to_the_verification(self, get):
        submission = SubmissionFactory()
        row = difference(record_id=str(submission.pk))
        page = get(change(row))
        assert change(submission) in page
        assert change(row.verification) in page
        assert "&quot;Ad<mark>a</mark>&quot;" in page

    def test_a_record_that_is_not_in_v3_is_said_to_be_so(self, get):
        row = difference(kind="missing_in_v3", column_name="", v3_value=None)
        page = words(get(change(row)))
        assert "not in v3" in page
        assert "no value" in page
        assert "the whole record" in page

    @pytest.mark.parametrize(
        "other", [{"record_id": "17"}, {"record_id": ""}, {"table_name": "no_such_table"}], ids=str
    )
    def test_one_about_anything_else_has_a_page_too(self, get, other):
        assert "none of its own" in get(change(difference(**other)))

    def test_nothing_in_it_is_html(self, get):
        nasty = NASTY.replace("\x1b", "")
        row = difference(
            v2_value=nasty, v3_value=f"{nasty}x", column_name=nasty, record_id=nasty, v2_table=nasty
        )
        for shown in (get(change(row)), listed(get, MigrationDifference)):
            assert "<script>alert" not in shown
            assert "\u202e" not in shown
            assert "&lt;script&gt;alert(1)" in shown
            assert "U+202E" in shown


class TestDeferral:
    def test_it_shows_how_the_thing_is_made_and_whether_it_is(self, get):
        waiting, settled = deferral(), deferral(settled_at=TIME)
        assert "waiting" in words(get(change(waiting)))
        assert "settled" in words(listed(get, MigrationDeferral, settled="yes"))
        assert "CREATE INDEX idx_submissions_form ON submissions" in get(change(settled))

    def test_nothing_in_it_is_html(self, get):
        page = get(change(deferral(definition="<b>\u202e", name="<i>")))
        assert "<b>" not in page
        assert "<i>" not in page
        assert "\u202e" not in page


class TestRights:
    @pytest.fixture
    def somebody(self, client, django_user_model):
        def log_in(*permissions):
            user = django_user_model.objects.create_user("x", password="y", is_staff=True)
            user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
            client.force_login(user)
            return client

        return log_in

    @pytest.mark.parametrize(("model", "make"), MODELS, ids=NAMES)
    def test_who_may_view_sees_and_nobody_does_anything_else(self, somebody, model, make):
        name = model._meta.model_name
        row = make()
        allowed = (f"{verb}_{name}" for verb in ("view", "add", "change", "delete"))
        somebody = somebody(*allowed)
        assert somebody.get(address(model, "changelist")).status_code == 200
        page = somebody.get(change(row))
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        assert somebody.post(change(row), {"migration_name": "x"}).status_code == 403
        assert somebody.get(address(model, "add")).status_code == 403
        assert somebody.get(address(model, "delete", row.pk)).status_code == 403

    @pytest.mark.parametrize(("model", "make"), MODELS, ids=NAMES)
    def test_who_may_not_view_sees_nothing(self, somebody, model, make):
        row = make()
        somebody = somebody("view_migrationerror")
        assert somebody.get(address(model, "changelist")).status_code == 403
        assert somebody.get(change(row)).status_code == 403

    def test_the_file_is_for_those_who_may_view_verifications(self, somebody, client):
        row = verification()
        assert client.get(download(row)).status_code == 302, "a stranger is asked to log in"
        assert somebody("view_migrationdifference").get(download(row)).status_code == 403

    def test_who_may_view_verifications_may_have_the_file(self, somebody):
        row = verification()
        assert somebody("view_migrationverification").get(download(row)).status_code == 200


def test_an_error_still_leads_to_its_own_record(get):
    submission = SubmissionFactory()
    assert change(submission) in get(change(finding(record_id=str(submission.pk))))
