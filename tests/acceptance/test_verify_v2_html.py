"""verify_v2 --html: the report that is kept with the papers says what the command said."""

import pytest
from django.core.management import CommandError

from submissions.models import Submission
from tests.acceptance.verifying import run, verified
from tests.pages import Page
from tests.runs import run as migrate
from tests.v2 import make_v2
from transfer.models import MigrationVerification

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e\x1b[31m=1+1"


@pytest.fixture
def migrated(v2_path):
    make_v2(v2_path, organizations=[{"Name": HOSTILE}], forms=[{}], submissions=[{}, {}])
    migrate(name="night")


def opened(path):
    return Page(path.read_text(encoding="utf-8")).root


def test_a_clean_migration_makes_a_good_report(migrated, tmp_path):
    path = tmp_path / "night.html"

    status, said = verified("--html", str(path))

    root = opened(path)
    [verdict] = root.all("section", "verdict")
    assert status == 0
    assert verdict.classes[1] in ("good", "accepted")
    assert "Verification of migration night" in root.text()
    rows = [row for row in root.all("tr") if row.all("td", "PASSED")]
    named = {row.all("th")[0].text() for row in rows}
    assert {name for name, check in said.items() if check.get("status") == "PASSED"} <= named | {
        "all"
    }


def test_a_difference_is_in_it_with_both_values_and_nothing_of_them_is_html(migrated, tmp_path):
    row = Submission.objects.order_by("pk").first()
    assert row is not None
    Submission.objects.filter(pk=row.pk).update(submission_number=HOSTILE[:50])
    path = tmp_path / "night.html"

    status, _ = verified("--html", str(path))

    root = opened(path)
    [found] = [each for each in root.all("section") if each.attributes.get("id") == "differences"]
    sides = [side.text() for side in found.all("td", "side")]
    assert status == 3
    assert root.all("section", "bad")
    assert str(row.pk) in found.text()
    assert row.submission_number in "".join(sides)
    assert "<img src=x onerror=alert(1)>" in "".join(sides)
    assert root.all("img") == root.all("script") == []


def test_a_file_that_cannot_be_is_refused_before_anything_is_compared(migrated, tmp_path):
    with pytest.raises(CommandError, match="is a directory") as refused:
        run("verify_v2", "--html", str(tmp_path))
    assert refused.value.returncode == 1
    assert not MigrationVerification.objects.exists()
