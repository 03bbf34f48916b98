"""A v2 that was copied into PostgreSQL: what of it is held at once."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connections

from legacy_v2 import models as v2_models
from tests.runs import query
from tests.v2 import copy_into_schema, make_v2, use_v2
from transfer.source import Source

pytestmark = pytest.mark.django_db(transaction=True)

COPY = "copy_of_v2"
ANSWERS = 100
MEGABYTE = 1_000_000


@pytest.fixture
def source(v2_path: Path) -> Iterator[Source]:
    """A hundred answers of a megabyte each."""
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}])
    copy_into_schema(v2, COPY)
    query(
        f'INSERT INTO {COPY}."FormSubmissionMetaData" ("Id", "FormSubmissionId", "FieldId",'
        f" \"FreeFormEntry\") SELECT gen_random_uuid(), %s, %s, repeat('x', {MEGABYTE})"
        f" FROM generate_series(1, {ANSWERS})",
        [v2.submissions[0]["Id"], v2.fields[0]["Id"]],
    )
    own = connections["default"].settings_dict
    try:
        with (
            use_v2(**own | {"OPTIONS": {"options": f"-c search_path={COPY}"}}),
            closing(Source()) as opened,
        ):
            yield opened
    finally:
        query(f"DROP SCHEMA {COPY} CASCADE")


def memory(what: str) -> int:
    """Megabytes this process holds (VmRSS), or held at most since that was reset (VmHWM)."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) // 1024


def test_r5_no_more_comes_over_than_a_page_may_hold(source: Source) -> None:
    answers = v2_models.FormSubmissionMetaData._default_manager.all()
    source.read_rows(answers[:1], ("id", "free_form_entry"), MEGABYTE)  # what the first one costs
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")

    page = source.read_rows(answers, ("id", "free_form_entry"), 5 * MEGABYTE)

    assert page.cut
    assert 5 <= page.length <= 20
    assert memory("VmHWM") - before < ANSWERS // 2


def test_a_page_without_an_end_has_all_rows(source: Source) -> None:
    answers = v2_models.FormSubmissionMetaData._default_manager.all()

    page = source.read_rows(answers, ("id",), MEGABYTE)

    assert (page.length, page.cut) == (ANSWERS, False)
    assert source.count(answers) == ANSWERS
