"""A person looks at what was migrated, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from submissions.models import Submission
from tests.browser import Browser
from tests.factories import FormFactory, OrganizationFactory, SubmissionFactory
from tests.runs import run
from tests.v2 import guid, make_v2
from transfer.models import MigrationError, MigrationProgress

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BATCH = "v2_migration_2025_01_22"
SCRIPT = "<script>document.title = 'taken'</script>"


class Data(NamedTuple):
    migrated: Submission
    own: Submission
    warning: MigrationError


@pytest.fixture
def data(transactional_db: None) -> Data:
    """Return a migrated submission, one of v3's own of another organization, and a warning."""
    MigrationProgress.objects.create(migration_name=BATCH, table_name="submissions")
    form = FormFactory(
        migration_batch=BATCH,
        organization=OrganizationFactory(name="Acme Facilities", migration_batch=BATCH),
        name="Incident report",
    )
    migrated = SubmissionFactory(
        migration_batch=BATCH,
        form=form,
        submission_number="ACME-1",
        status="approved",
        data={"FullName": SCRIPT},
    )
    warning = MigrationError.objects.create(
        migration_name=BATCH,
        table_name="submissions",
        v2_table="FormSubmission",
        record_id=str(migrated.pk),
        severity="warning",
        code="number_missing",
        error_message="LookupCode None: no lookup code",
    )
    return Data(migrated, SubmissionFactory(submission_number="OWN-1"), warning)


class AdminPages:
    """The admin in a browser, by what a person reads and clicks."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser = browser
        self.address = address

    def open(self, name: str, *args: object) -> None:
        self.browser.open(self.address + reverse(f"admin:{name}", args=args))

    def click(self, text: str, within: str = "#content") -> None:
        """Follow the link, or press the button, with that text."""
        self.browser.do(f"({FIND})({within!r}, {text!r})[0].click()")

    def count(self, text: str, within: str = "#content") -> int:
        """Return how many links and buttons have that text."""
        count: int = self.browser.ask(f"({FIND})({within!r}, {text!r}).length")
        return count

    def type(self, field: str, text: str) -> None:
        self.browser.ask(f"document.querySelector({field!r}).value = {text!r}")

    def text(self, where: str) -> str:
        text: str = self.browser.ask(f"document.querySelector({where!r}).innerText")
        return text

    @property
    def numbers(self) -> list[str]:
        """The numbers of the submissions in the list."""
        cells = "[...document.querySelectorAll('#result_list .field-title')]"
        return sorted(self.browser.ask(f"{cells}.map(cell => cell.innerText)"))


FIND = """(within, text) => [...document.querySelectorAll(
    `${within} a, ${within} button, ${within} input[type=submit]`
)].filter(it => (it.textContent || it.value || '').trim() === text)"""


@pytest.fixture
def admin(data: Data, live_server: LiveServer, tmp_path: Path) -> Iterator[AdminPages]:
    get_user_model().objects.create_superuser(username="admin", password="opensesame")
    with Browser(tmp_path / "profile") as browser:
        pages = AdminPages(browser, live_server.url)
        pages.open("login")
        pages.type("#id_username", "admin")
        pages.type("#id_password", "opensesame")
        pages.click("Log in")
        yield pages
        assert browser.problems == []


def test_the_list_can_be_searched_and_filtered(admin):
    admin.open("submissions_submission_changelist")
    assert admin.numbers == ["ACME-1", "OWN-1"]

    admin.type("#searchbar", "OWN*")
    admin.click("Search")
    assert admin.numbers == ["OWN-1"]

    admin.click("Show all")
    admin.click("Acme Facilities", within="#changelist-filter")
    assert admin.numbers == ["ACME-1"]
    admin.click("Draft", within="#changelist-filter")
    assert admin.numbers == []


def test_a_migrated_submission_is_shown_and_cannot_be_saved(admin):
    admin.open("submissions_submission_changelist")
    admin.click("ACME-1")

    assert f"Migrated by {BATCH}" in admin.text("#content")
    assert [admin.count(text) for text in ("Save", "Delete", "Close")] == [0, 0, 1]
    admin.click("Incident report")
    assert "Full name" in admin.text("table.inside")


def test_an_answer_that_is_a_script_is_text(admin, data):
    admin.open("submissions_submission_change", data.migrated.pk)

    assert SCRIPT in admin.text("table.inside")
    assert "taken" not in admin.browser.ask("document.title")


def test_v3s_own_submission_is_edited(admin, data):
    admin.open("submissions_submission_change", data.own.pk)
    assert [admin.count(text) for text in ("Save", "Delete", "Close")] == [1, 1, 0]
    admin.type("#id_submission_number", "OWN-2")
    admin.browser.do("document.querySelector('[name=_save]').click()")

    assert "changed successfully" in admin.text(".messagelist")
    assert admin.numbers == ["ACME-1", "OWN-2"]


def test_a_warning_leads_to_the_record_it_is_about(admin):
    admin.open("transfer_migrationerror_changelist")
    admin.click("Warning", within="#changelist-filter")
    admin.click("number_missing")
    admin.click("ACME-1")

    assert f"Migrated by {BATCH}" in admin.text("#content")


def test_a_list_does_not_push_the_page_wider_than_the_window(admin):
    admin.open("submissions_submission_changelist")
    assert admin.browser.ask("document.documentElement.scrollWidth <= window.innerWidth")


def test_an_error_is_repaired_in_v2_and_tried_again(v2_path, admin):
    v2 = make_v2(v2_path, organizations=[{}], users=[{"Email": None, "FirstName": SCRIPT}])
    run(name="night")
    admin.open("transfer_migrationerror_changelist")
    admin.click("Error", within="#changelist-filter")
    admin.click("email_missing")
    assert "open" in admin.text(".field-state")
    assert f"retry_v2 --name night --table users --id {v2.users[0]['Id']}" in admin.text(
        "pre.command"
    )
    assert SCRIPT in admin.text(".v2-record")
    admin.click("Try again")  # too early
    assert "1 still open (1 email_missing)" in admin.text(".messagelist")

    v2.execute("UPDATE User SET Email = 'ann@example.org'")
    admin.click("Close")
    assert "open" in admin.text("#result_list .field-state")
    admin.browser.ask("document.querySelector('#result_list .action-select').click()")
    admin.click("Go")

    assert "1 closed (1 email_missing); 0 still open." in admin.text(".messagelist")
    assert "resolved" in admin.text("#result_list .field-state")
    admin.click("email_missing")
    assert admin.count("Try again") == 0
    admin.click("ann@example.org")
    assert "Migrated by night" in admin.text("#content")
    assert "taken" not in admin.browser.ask("document.title")


@pytest.mark.parametrize("width", [1280, 400])
def test_errors_and_ledgers_fit_a_window_and_a_telephone(v2_path, admin, width):
    make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{"Name": "who"}],
        submissions=[{"FormTypeId": guid(4, 77), "LookupCode": "x" * 300}],
        answers=[{"FreeFormEntry": "y" * 300}],
    )
    run(name="night")
    admin.browser.resize(width)
    (error,) = MigrationError.objects.filter(migration_name="night")
    (progress,) = MigrationProgress.objects.filter(migration_name="night", table_name="submissions")
    for name, *args in (
        ("transfer_migrationerror_changelist",),
        ("transfer_migrationerror_change", error.pk),
        ("transfer_migrationprogress_change", progress.pk),
    ):
        admin.open(name, *args)
        assert admin.browser.ask("window.innerWidth") == width
        assert admin.browser.ask("document.documentElement.scrollWidth") <= width
