"""The admin's page of one table of a migration: how far it is, and where everything went."""

import pytest
from django.contrib.admin import site

from tests.integration.admin.rows import change, listed, progress
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
