"""Recorded errors tried again from the admin: what is tried, who may, and what they are told."""

import html
import re
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission
from django.test import Client

from organizations.models import User
from pliers import admin_lists
from tests.integration.admin.retries import (
    LIST,
    broken,
    errors,
    page,
    press,
    repair,
    retry_address,
    select,
    told,
)
from tests.integration.admin.rows import address, change, finding
from tests.runs import query, rich_v2, run
from tests.v2 import guid, make_v2
from transfer import admin_retry
from transfer.models import MigrationError

pytestmark = pytest.mark.django_db(transaction=True)


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
