"""Recorded errors tried again from the admin: what is tried, who may, and what they are told."""

import contextlib
import html
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission
from django.db import connections
from django.test import Client

from organizations.models import User
from pliers import admin_lists
from tests.integration.admin.rows import address, change, finding
from tests.runs import query, rich_v2, run
from tests.v2 import V2, guid, make_v2, use_v2
from transfer import admin_retry
from transfer.models import MigrationError
from transfer.target import Target

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "changelist"
SECRET = "open-sesame"


def retry_address(error: MigrationError) -> str:
    return address(MigrationError, "retry", error.pk)


def select(
    client: Client, *errors: MigrationError, across: bool = False, **where: str
) -> list[tuple[str, str]]:
    """Run the action over these errors; returns the level and text of each message."""
    posted: dict[str, Any] = {"action": "retry_selected", "index": "0"}
    posted["select_across"] = "1" if across else "0"
    posted["_selected_action"] = [str(error.pk) for error in errors]
    return told(client.post(address(MigrationError, LIST, **where), posted, follow=True))


def press(client: Client, error: MigrationError) -> list[tuple[str, str]]:
    """Post what the button of the error's page does."""
    return told(client.post(retry_address(error), follow=True))


def told(response: Any) -> list[tuple[str, str]]:
    """The level and text of each message on the page that was led to."""
    assert response.redirect_chain
    messages = response.context["messages"]
    return [(message.level_tag, plain(str(message))) for message in messages]


def plain(text: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", text))


def page(client: Client, error: MigrationError) -> str:
    return client.get(change(error)).content.decode()


def errors(**where: Any) -> list[MigrationError]:
    return list(
        MigrationError.objects.filter(severity="error", **where).order_by("record_id", "id")
    )


def broken(path: Path, users: int = 1, **more: Any) -> V2:
    """A v2 whose users have no email, imported as "night"."""
    v2 = make_v2(path, organizations=[{}], users=[{"Email": None}] * users, **more)
    run(name="night")
    return v2


def repair(v2: V2, number: int = 0) -> None:
    user = v2.users[number]["Id"]
    v2.execute("UPDATE User SET Email = Id || '@example.org' WHERE Id = ?", (user,))


@pytest.fixture
def somebody(client: Client, django_user_model: Any) -> Any:
    """Return a function that logs in a member of staff with these permissions."""

    def log_in(*permissions: str) -> Client:
        user = django_user_model.objects.create_user("somebody", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return log_in


class TestAction:
    def test_a_repaired_record_is_moved_and_its_error_closed(self, v2_path, admin_client):
        v2 = broken(v2_path)
        (error,) = errors()
        assert select(admin_client, error) == [
            (
                "warning",
                (
                    "Tried 1 error of night again: 0 closed; 1 still open (1 email_missing)."
                    " See the open errors"
                ),
            )
        ]
        repair(v2)

        assert select(admin_client, error) == [
            ("success", "Tried 1 error of night again: 1 closed (1 email_missing); 0 still open.")
        ]
        error.refresh_from_db()
        assert (error.attempts, error.resolved_at is None) == (3, False)
        user = User.objects.get(pk=error.record_id)
        assert change(user) in page(admin_client, error)

    def test_only_the_selected_are_tried(self, v2_path, admin_client):
        v2 = broken(v2_path, users=3)
        for number in range(3):
            repair(v2, number)
        first, second, third = errors()

        (message,) = select(admin_client, first, third)

        assert message == (
            "success",
            (
                "Tried 2 errors of night again: 2 closed (2 email_missing); 0 still open."
                " See the open errors"
            ),
        )
        assert [error.pk for error in errors(resolved_at=None)] == [second.pk]

    def test_the_link_leads_to_the_open_errors_of_that_migration(self, v2_path, admin_client):
        broken(v2_path)
        (error,) = errors()
        finding(migration_name="other")
        finding(severity="warning", migration_name="night")
        posted = {"action": "retry_selected", "_selected_action": str(error.pk), "index": "0"}
        shown = admin_client.post(address(MigrationError, LIST), posted, follow=True)

        link = re.search(r'<a href="([^"]*)">See the open errors', shown.content.decode())
        assert link
        rows = admin_client.get(html.unescape(link[1])).context["cl"].result_list
        assert [row.pk for row in rows] == [error.pk]

    def test_what_v2_has_no_more_is_told(self, v2_path, admin_client):
        v2 = broken(v2_path)
        v2.execute("DELETE FROM User")
        assert select(admin_client, *errors()) == [
            (
                "success",
                (
                    "Tried 1 error of night again: 1 closed (1 email_missing), 1 of them because v2"
                    " has the record no more; 0 still open."
                ),
            )
        ]

    def test_warnings_and_resolved_ones_are_left_alone_and_that_is_said(
        self, v2_path, admin_client, monkeypatch
    ):
        rich_v2(v2_path)
        run(name="night")
        warning = MigrationError.objects.filter(severity="warning").first()
        closed = finding(resolved_at="2025-01-22 00:00Z")
        before = query("SELECT xmin::text, * FROM migration_errors ORDER BY id")
        with monkeypatch.context() as patch:
            patch.setattr(admin_retry, "run_retry", None)  # the service is not called
            assert select(admin_client, warning, closed) == [
                (
                    "warning",
                    (
                        "Nothing was tried. Only open errors can be tried again."
                        " Left alone: 1 warning (accepted, nothing is to be done)."
                        " Left alone: 1 finding resolved before."
                    ),
                )
            ]
        assert query("SELECT xmin::text, * FROM migration_errors ORDER BY id") == before

        levels = [level for level, _ in select(admin_client, warning, errors()[0])]
        assert levels == ["warning", "info"]

    def test_r1_answers_that_share_an_id_are_tried_together_and_that_is_said(
        self, v2_path, admin_client
    ):
        v2 = make_v2(
            v2_path, organizations=[{}], forms=[{}], fields=[{"Name": "who"}], submissions=[{}],
            omit=("FormSubmissionMetaData.Id",),
        )  # fmt: skip
        lost = guid(10, 50)
        v2.add("answers", *[{"FormSubmissionId": lost, "FreeFormEntry": "same"}] * 3)
        run(name="night")
        assert [error.occurrence for error in errors()] == [1, 2, 3]
        v2.add("submissions", {"Id": lost})

        ((level, text),) = select(admin_client, errors()[1])

        assert level == "success"
        assert "3 closed (3 answer_orphaned); 0 still open." in text
        assert "All errors of one record are tried together." in text

    def test_ids_that_two_tables_share_are_told_apart(self, v2_path, admin_client):
        make_v2(
            v2_path,
            organizations=[{}],
            users=[{"Id": guid(4, 1), "Email": None}],
            forms=[{"DisplayName": "x" * 300}],
        )
        run(name="night")
        form, user = sorted(errors(), key=lambda error: error.table_name)
        assert form.record_id == user.record_id

        select(admin_client, user)

        assert {error.table_name: error.attempts for error in errors()} == {"forms": 1, "users": 2}

    def test_errors_of_several_migrations_are_one_call_each(self, v2_path, admin_client):
        v2 = make_v2(v2_path, organizations=[{}, {}], users=[{"Email": None}])
        one, two = (row["Id"] for row in v2.organizations)
        v2.add("users", {"Email": None, "OrganizationId": two})
        run(name="first", organizations=[one])
        run(name="second", organizations=[two])
        repair(v2, 1)

        texts = [text for _, text in select(admin_client, *errors())]

        assert [text.partition(" again: ")[2][:8] for text in texts] == ["0 closed", "1 closed"]
        assert ["of first again" in texts[0], "of second again" in texts[1]] == [True, True]

    def test_a_filtered_list_can_be_tried_as_a_whole(self, v2_path, admin_client):
        v2 = broken(v2_path, users=3)
        repair(v2)
        select(admin_client, errors()[0], across=True, code="email_missing")
        assert sorted(error.attempts for error in errors()) == [2, 2, 2]

    @pytest.mark.parametrize("at_most", [2, 3])
    def test_more_than_the_bound_are_refused_and_the_command_named(
        self, v2_path, admin_client, monkeypatch, at_most
    ):
        monkeypatch.setattr(admin_retry, "AT_MOST", at_most)
        broken(v2_path, users=3)

        ((level, text),) = select(admin_client, *errors())

        if at_most == 3:
            assert "Tried 3 errors" in text
            return
        assert level == "error"
        assert text.startswith("Nothing was tried: at most 2 errors")
        assert "manage.py retry_v2 --name night," in text
        assert {error.attempts for error in errors()} == {1}

    def test_a_list_that_is_not_counted_to_its_end_can_be_selected_and_is_refused(
        self, admin_client, monkeypatch
    ):
        monkeypatch.setattr(admin_lists, "COUNT_LIMIT", 3)
        monkeypatch.setattr(site.get_model_admin(MigrationError), "list_per_page", 2)
        monkeypatch.setattr(admin_retry, "AT_MOST", 3)
        rows = [finding() for _ in range(5)]
        shown = admin_client.get(address(MigrationError, LIST)).content.decode()
        assert "All more than 3 selected" in shown
        assert select(admin_client, rows[0], across=True)[0][1].startswith("Nothing was tried")

    def test_nothing_selected_is_nothing_tried(self, v2_path, admin_client):
        broken(v2_path)
        ((level, _),) = select(admin_client)
        assert level == "warning"
        assert errors()[0].attempts == 1


class TestButton:
    def test_it_tries_the_error_of_its_page_and_comes_back_with_the_lists_filters(
        self, v2_path, admin_client
    ):
        v2 = broken(v2_path, users=2)
        repair(v2)
        error, other = errors()
        shown = admin_client.get(change(error) + "?_changelist_filters=code%3Demail_missing")
        button = re.search(r'value="Try again"[^>]*formaction="([^"]*)"', shown.content.decode())
        assert button

        response = admin_client.post(html.unescape(button[1]), follow=True)

        back = change(error) + "?_changelist_filters=code%3Demail_missing"
        assert response.redirect_chain == [(back, 302)]
        assert told(response)[0][0] == "success"
        assert [e.attempts for e in errors()] == [2, 1]
        assert "Try again" not in page(admin_client, error)
        assert "Try again" in page(admin_client, other)

    def test_there_is_none_for_what_is_not_open(self, admin_client):
        for values in ({"severity": "warning"}, {"resolved_at": "2025-01-22 00:00Z"}):
            error = finding(**values)
            assert "Try again" not in page(admin_client, error)
            assert press(admin_client, error)[0][1].startswith("Nothing was")

    @pytest.mark.parametrize("key", ["0", "99", "x", "9" * 30])
    def test_an_error_that_is_not_there(self, admin_client, key):
        url = address(MigrationError, "retry", key)
        assert admin_client.post(url).status_code == 404


class TestWhoMay:
    def test_a_reader_sees_errors_and_no_way_to_try_them(self, v2_path, somebody):
        broken(v2_path)
        (error,) = errors()
        reader = somebody("view_migrationerror")

        shown = reader.get(address(MigrationError, LIST))
        assert b"Try the selected" not in shown.content
        assert b"_selected_action" not in shown.content
        assert "Try again" not in page(reader, error)
        assert "retry_v2 --name night" in page(reader, error)
        posted = {"action": "retry_selected", "_selected_action": str(error.pk), "index": "0"}
        reader.post(address(MigrationError, LIST), posted)
        assert reader.post(retry_address(error)).status_code == 403
        assert errors()[0].attempts == 1

    def test_who_may_change_errors_may_try_them_and_edit_nothing(self, v2_path, somebody):
        broken(v2_path)
        (error,) = errors()
        worker = somebody("view_migrationerror", "change_migrationerror", "delete_migrationerror")

        assert select(worker, error)
        assert worker.post(retry_address(error)).status_code == 302
        assert errors()[0].attempts == 3
        assert 'name="_save"' not in page(worker, error)
        assert "deletelink" not in page(worker, error)
        assert worker.post(change(error), {"code": "x"}).status_code == 403
        assert worker.post(address(MigrationError, "delete", error.pk)).status_code == 403
        posted = {"action": "delete_selected", "_selected_action": str(error.pk), "index": "0"}
        worker.post(address(MigrationError, LIST), posted | {"post": "yes"})
        assert errors() == [error]

    def test_nobody_who_is_not_logged_in_and_nothing_by_get(self, v2_path, admin_client):
        broken(v2_path)
        (error,) = errors()
        stranger = Client()
        assert "/login/" in stranger.post(retry_address(error)).url
        assert admin_client.get(retry_address(error)).status_code == 405
        admin_client.get(address(MigrationError, LIST, action="retry_selected"))
        assert errors()[0].attempts == 1

    def test_a_forged_form_is_refused(self, v2_path, admin_user):
        broken(v2_path)
        (error,) = errors()
        client = Client(enforce_csrf_checks=True)
        client.force_login(admin_user)
        posted = {"action": "retry_selected", "_selected_action": str(error.pk), "index": "0"}
        assert client.post(address(MigrationError, LIST), posted).status_code == 403
        assert client.post(retry_address(error)).status_code == 403
        assert errors()[0].attempts == 1


class TestFailures:
    """R8: what the service cannot do is one message, without a secret, and never a crash."""

    def refused(self, client: Client) -> str:
        ((level, text),) = select(client, *errors())
        assert level == "error"
        assert text.startswith("Could not try the errors of night again: ")
        assert SECRET not in text
        assert "\n" not in text
        assert {error.attempts for error in errors()} == {1}
        return text

    def test_v2_is_not_there(self, v2_path, admin_client):
        broken(v2_path)
        v2_path.rename(v2_path.with_name("elsewhere"))
        assert "v2.sqlite3" in self.refused(admin_client)

    def test_v2_does_not_let_us_in(self, v2_path, admin_client, monkeypatch):
        broken(v2_path)
        v3 = connections["default"].settings_dict
        settings = {**v3, "ENGINE": "django.db.backends.postgresql", "USER": "nobody_at_all"}
        settings |= {"PASSWORD": SECRET, "OPTIONS": {}, "TEST": {}}
        # Elsewhere than the migration was begun with it would be refused before it is opened.
        monkeypatch.setattr("transfer.retry.check_resumable", lambda *_: None)
        with use_v2(**settings):
            assert "v2" in self.refused(admin_client)

    def test_v3_does_not_let_the_service_in(self, v2_path, admin_client, monkeypatch):
        broken(v2_path)

        def refuse(*_: object) -> None:
            raise psycopg.OperationalError("too many connections\nfor you, open-sesame")

        monkeypatch.setattr("transfer.target.Target._connect", refuse)
        assert "too many connections" in self.refused(admin_client)

    def test_an_importer_is_at_work(self, v2_path, admin_client, monkeypatch):
        broken(v2_path)
        monkeypatch.setitem(Target.__init__.__kwdefaults__, "grace", 0.0)
        with contextlib.closing(Target("import_v2")):
            text = self.refused(admin_client)
        assert "another importer is at work" in text

    def test_a_setting_is_not_what_the_migration_was_begun_with(
        self, v2_path, admin_client, settings
    ):
        broken(v2_path)
        settings.V2_TIME_ZONE = "Europe/Berlin"
        assert "V2_TIME_ZONE was UTC" in self.refused(admin_client)

    def test_the_migration_is_not_there_any_more(self, v2_path, admin_client):
        broken(v2_path)
        query("UPDATE migration_progress SET status = 'rolled_back'")
        assert "was rolled back" in self.refused(admin_client)
        query("DELETE FROM migration_progress")
        assert "no migration is named 'night'" in self.refused(admin_client)

    def test_the_button_says_it_too(self, v2_path, admin_client, settings):
        broken(v2_path)
        settings.V2_TIME_ZONE = "Europe/Berlin"
        (message,) = press(admin_client, errors()[0])
        assert message[0] == "error"
        assert "V2_TIME_ZONE" in message[1]

    def test_one_migration_that_cannot_be_tried_does_not_keep_the_others(
        self, v2_path, admin_client
    ):
        v2 = broken(v2_path)
        repair(v2)
        stray = finding(migration_name="<b>\x1b", code="<i>")
        shown = select(admin_client, stray, *errors(migration_name="night"))
        assert sorted(level for level, _ in shown) == ["error", "success"]

    def test_hostile_names_are_text(self, admin_client):
        error = finding(migration_name="<b>\x1b\u202e", code="<i>")
        posted = {"action": "retry_selected", "_selected_action": str(error.pk), "index": "0"}
        shown = admin_client.post(address(MigrationError, LIST), posted, follow=True)
        content = shown.content.decode()
        assert "Could not try" in content
        for raw in ("<b>", "<i>", "\x1b", "\u202e"):
            assert raw not in content.partition('class="messagelist"')[2].partition("</ul>")[0]


def test_what_happens_meanwhile_is_no_crash(v2_path, admin_client, monkeypatch):
    """Another person closes the error after it was selected and before it is tried."""
    broken(v2_path)
    (error,) = errors()
    original = admin_retry.run_retry

    def too_late(*arguments: Any) -> Any:
        MigrationError.objects.update(resolved_at="2025-01-22 00:00Z")
        return original(*arguments)

    monkeypatch.setattr(admin_retry, "run_retry", too_late)
    ((level, text),) = select(admin_client, error)
    assert level == "warning"
    assert "Tried 0 errors of night again" in text
    assert "were no longer open" in text
