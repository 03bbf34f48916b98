"""The admin's page of one table of a migration: how far it is, and where everything went."""

import html
import re

import pytest
from django.contrib.admin import site

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
