"""Ids that only a copy of v2 made by hand spells so."""

from pathlib import Path

import pytest

from tests.integration.proof.proving import failing, proved, table
from tests.runs import run
from tests.v2 import make_v2

pytestmark = pytest.mark.django_db(transaction=True)


def test_ids_in_other_spellings_are_no_differences(v2_path: Path) -> None:
    """A copy made by hand may spell an id without hyphens; PostgreSQL takes it, and so do we."""
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}])
    plain = v2.forms[0]["Id"].replace("-", "")
    for statement in (
        'UPDATE "FormType" SET "Id" = ?',
        'UPDATE "Field" SET "FormTypeId" = ?',
        'UPDATE "FormSubmission" SET "FormTypeId" = ?',
    ):
        v2.execute(statement, [plain])
    v2.add("answers", {"FreeFormEntry": "x"})
    run(name="spelled")

    document = proved("spelled")

    assert failing(document) == {}
    assert table(document, "forms")["equal"] == 1
