"""The answers of a page of submissions, held in columns as they were read.

There are twenty answers a submission: a tuple each would cost more than the rest of the mapping.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from operator import ne
from typing import Any

from transfer.records import V2Answer

# Answers held at once, for a batch is cut behind them: twice those of a thousand submissions of
# twenty, which is some 60 MB.
ANSWERS_AT_ONCE = 40_000
# The same of characters in them, for an answer may have megabytes.
CHARACTERS_AT_ONCE = 32_000_000
# The columns of an answer, see V2Answer.
SUBMISSION, FIELD, TEXT, CHOICE, OWN_ID = range(5)
NONE_OF_THEM = (0, 0)
_TEXT_OR_NULL = frozenset({str, type(None)})


def _as_they_are(values: Sequence[Any]) -> Sequence[Any]:
    return values


class AnswerColumns(Mapping[str, list[V2Answer]]):
    """Answers by the submission they name: all submissions of a page, those without answers too.

    Args:
        submissions: ids of the page's submissions.
        columns: submission ids, field ids, texts, choices and own ids, one value an answer.
        own_ids: makes the mapping's ids of the last column, which are v2's own spelling: few
            answers are ever asked for theirs.

    Attributes:
        columns: the same, each submission's answers side by side.
    """

    def __init__(
        self,
        submissions: Iterable[str],
        columns: Sequence[Sequence[Any]] = ((), (), (), (), ()),
        own_ids: Callable[[Sequence[Any]], Sequence[Any]] = _as_they_are,
    ) -> None:
        self._own_ids = own_ids
        self.columns, spans = _side_by_side(columns)
        # A copy made by hand may hold a submission's id twice.
        self._spans = {one: spans.pop(one, NONE_OF_THEM) for one in dict.fromkeys(submissions)}
        self._others = list(spans.values())

    def span(self, submission: str) -> tuple[int, int]:
        """Where a submission's answers begin in the columns, and where they have ended.

        Raises:
            KeyError: it is none of the page's.
        """
        return self._spans[submission]

    @cached_property
    def are_texts(self) -> bool:
        """Whether every text is one or null; a copy made by hand may hold other values."""
        return _TEXT_OR_NULL.issuperset(map(type, self.columns[TEXT]))

    @property
    def number(self) -> int:
        """How many answers the submissions have."""
        return sum(stop - start for start, stop in self._spans.values())

    def others(self) -> list[V2Answer]:
        """The answers that name no submission of the page."""
        return [answer for span in self._others for answer in self._rows(*span)]

    def without(self, submissions: Iterable[str]) -> None:
        """Forget these submissions, and their answers."""
        for one in submissions:
            del self._spans[one]

    def _rows(self, start: int, stop: int) -> Iterator[V2Answer]:
        *columns, own = (column[start:stop] for column in self.columns)
        return zip(*columns, self._own_ids(own), strict=True)

    def __getitem__(self, submission: str) -> list[V2Answer]:
        return list(self._rows(*self._spans[submission]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)


def _side_by_side(
    columns: Sequence[Sequence[Any]],
) -> tuple[Sequence[Sequence[Any]], dict[Any, tuple[int, int]]]:
    """The columns with each submission's answers side by side, and where these are."""
    ids = columns[SUBMISSION]
    numbers = Counter(ids)
    if len(ids) and 1 + sum(map(ne, ids, islice(ids, 1, None))) != len(numbers):
        # v2 sorted them otherwise than by what is one id here: such as differ in their case.
        places: dict[Any, list[int]] = {one: [] for one in numbers}
        for place, one in enumerate(ids):
            places[one].append(place)
        order = [place for own in places.values() for place in own]
        columns = [[column[place] for place in order] for column in columns]
    spans: dict[Any, tuple[int, int]] = {}
    start = 0
    for one, number in numbers.items():
        spans[one] = (start, start + number)
        start += number
    return columns, spans
