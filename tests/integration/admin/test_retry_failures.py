"""What trying errors again in the admin says where it cannot be done (R8)."""

import contextlib
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.test import Client

from tests.integration.admin.retries import LIST, broken, errors, press, repair, select
from tests.integration.admin.rows import address, finding
from tests.runs import query
from tests.v2 import use_v2
from transfer import admin_retry
from transfer.models import MigrationError
from transfer.target import Target

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "open-sesame"


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
