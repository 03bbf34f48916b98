"""The admin's page of one table of a migration: how far it is, and where everything went."""

import html
import re
from datetime import timedelta

import pytest
from django.contrib.admin import site
from django.utils import timezone

from tests.integration.admin.rows import change, finding, listed, progress
from transfer.models import MigrationProgress

pytestmark = pytest.mark.django_db


class TestProgress:
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

    @pytest.mark.parametrize(("ago", "told"), [(5, True), (90, False)])
    def test_a_table_in_hand_tells_rate_and_time_left_as_status_v2_does(self, get, ago, told):
        heartbeat = timezone.now() - timedelta(seconds=ago)
        books = {"rate": 100.0, "copied": 12_345_678}
        page = get(change(progress(ledger=books, heartbeat_at=heartbeat)))
        assert "999 of 2,000 (49 %), 9 failed" in page
        assert "12.3 MB copied" in page
        assert ("100 a second" in page) is told
        assert ("0:00:10 left" in page) is told
        assert "; last batch " in page

    def test_what_workers_have_moved_of_its_ranges_is_added(self, get):
        moved = {"processed_records": 100, "failed_records": 0, "heartbeat_at": timezone.now()}
        for partition in (1, 2):
            progress(partition=partition, total_records=None, ledger={"rate": 50.0}, **moved)
        page = get(change(progress()))
        assert "1,199 of 2,000 (59 %), 9 failed, 100 a second" in page

    @pytest.mark.parametrize("values", [{"status": "pending"}, {"heartbeat_at": None}], ids=str)
    def test_a_table_that_is_not_in_hand_tells_no_rate(self, get, values):
        page = get(change(progress(ledger={"rate": 100.0}, **values)))
        assert "a second" not in page

    def test_the_ledger_is_readable_and_leads_to_the_errors(self, get):
        records = {"read": 2000, "migrated": 1998, "failed": {"form_unknown": 2}}
        page = get(change(progress(ledger={"records": records, "findings": {"form_unknown": 2}})))
        cells = page.partition('<div class="ledger">')[2].partition("</table>")[0]
        assert cells.index("2,000") < cells.index("1,998") < cells.index("<li>2 <a")
        link = re.search(r'href="([^"]*code=form_unknown[^"]*)"', cells)
        assert link
        found, other = finding(), finding(code="id_taken")
        rows = get(html.unescape(link[1]))
        assert change(found) in rows
        assert change(other) not in rows
        assert "M18: its form does not exist" in page

    @pytest.mark.parametrize("ledger", [{}, [], {"records": None, "findings": {"<b>": 1}}], ids=str)
    def test_a_ledger_of_another_version_is_no_crash(self, get, ledger):
        page = get(change(progress(ledger=ledger)))
        assert "none is kept yet" in page
        assert "<b>" not in page
