"""How many statements a run sends: so many at its start, so many a batch, whatever is in them.

Counts, not times: what a change of these numbers costs depends on the network, and is paid once a
batch. Where one is meant, the number here is changed with it.
"""

from pathlib import Path

import pytest

from tests.runs import empty_v3, query, run
from tests.statements import Sent, counted
from tests.v2 import guid, make_v2
from transfer.verify import VerifyOptions, verify

pytestmark = pytest.mark.django_db(transaction=True)

TABLES = 3  # other than submissions, each of one row here

# Of an import: before and after the batches of submissions, and a batch: submissions and answers
# of v2; in v3 the checkpoint read and locked, rows and checkpoint, in a block within a block.
IMPORT_V2, IMPORT_V3 = 66, 99
BATCH_V2, BATCH_V3 = 2, 5
AGAIN_V3 = 20
# Of a verification: besides its pages, and a page.
VERIFY_V2, VERIFY_V3 = 55, 59
PAGE_V2, PAGE_V3 = 2, 1


def v2_of(path: Path, submissions: int, answers: int = 1, **more: str | None) -> None:
    """An organization, a user, a form, and so many submissions with so many answers each."""
    path.unlink(missing_ok=True)
    empty_v3()
    ids = [guid(10, number) for number in range(1, submissions + 1)]
    fields = [guid(5, number) for number in range(1, answers + 1)]
    make_v2(
        path,
        organizations=[{}],
        users=[{}],
        forms=[{}],
        fields=[{"Id": one} for one in fields],
        submissions=[{"Id": one, **more} for one in ids],
        answers=[
            {"FormSubmissionId": one, "FieldId": of, "FreeFormEntry": "text"}
            for one in ids
            for of in fields
        ],
    )


def is_full(submissions: int, size: int) -> bool:
    """Whether the last batch is: then v2 is asked once more, whether there is another."""
    return submissions % size == 0


def imported(size: int = 10, limit: int | None = None) -> Sent:
    with counted() as sent:
        run(name="night", batch_size=size, workers=1, limit=limit)
    return sent


def verified(size: int = 10) -> Sent:
    with counted() as sent:
        assert (
            verify(VerifyOptions("night", batch_size=size)).as_json()["differences"]["total"] == 0
        )
    return sent


@pytest.mark.parametrize(
    ("submissions", "answers", "size", "batches"),
    [(1, 1, 10, 1), (10, 1, 10, 1), (11, 1, 10, 2), (30, 1, 10, 3), (30, 7, 10, 3), (90, 3, 30, 3)],
)
def test_an_import_sends_as_many_for_a_batch_whatever_is_in_it(
    v2_path: Path, submissions: int, answers: int, size: int, batches: int
) -> None:
    v2_of(v2_path, submissions, answers)

    sent = imported(size)

    looks = is_full(submissions, size)
    assert sent.numbers == (
        IMPORT_V2 + BATCH_V2 * batches + looks,
        IMPORT_V3 + BATCH_V3 * batches,
    )
    assert sent.to_v3('COPY "submissions"') == batches
    assert query("SELECT count(*) FROM submissions") == [(submissions,)]


def test_r3_a_finished_import_asks_nothing_of_v2(v2_path: Path) -> None:
    v2_of(v2_path, 20, 3)
    imported()

    assert imported().numbers == (0, AGAIN_V3)


def test_a_resumed_import_sends_for_what_is_left(v2_path: Path) -> None:
    v2_of(v2_path, 40)
    whole = imported().numbers
    sent = []
    for before in (20, 30):
        empty_v3()
        imported(limit=TABLES + before)
        sent.append(imported().numbers)

    left_two, left_one = sent
    assert left_two == (left_one[0] + BATCH_V2, left_one[1] + BATCH_V3)
    # What is decided before the batches is not decided again, nor are other tables read.
    assert left_one[0] < whole[0] - 3 * BATCH_V2
    assert left_one[1] < whole[1] - 3 * BATCH_V3


@pytest.mark.parametrize("code", [None, "the same"])
def test_numbers_that_are_decided_are_read_once_for_all_batches(
    v2_path: Path, code: str | None
) -> None:
    sent = []
    for submissions in (10, 30):
        v2_of(v2_path, submissions, LookupCode=code)
        sent.append(imported().to_v3('FROM "migration_assignments"'))

    assert sent[0] == sent[1]


@pytest.mark.parametrize(
    ("submissions", "answers", "size", "pages"),
    [(1, 1, 10, 1), (10, 1, 10, 1), (11, 1, 10, 2), (30, 1, 10, 3), (30, 7, 10, 3), (90, 3, 30, 3)],
)
def test_a_verification_sends_as_many_for_a_page_whatever_is_in_it(
    v2_path: Path, submissions: int, answers: int, size: int, pages: int
) -> None:
    v2_of(v2_path, submissions, answers)
    imported()

    looks = is_full(submissions, size)
    assert verified(size).numbers == (
        VERIFY_V2 + PAGE_V2 * pages + looks,
        VERIFY_V3 + PAGE_V3 * pages,
    )
