"""The answers of a page of submissions, held as the driver gave them.

There are twenty answers a submission: whatever is made of each costs more than all the rest. So
nothing is, until somebody asks for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, TypeAlias

from transfer.makers import Maker, as_given
from transfer.records import V2Answer

# Answers held at once, for a batch is cut behind them: twice those of a thousand submissions of
# twenty, which is some 60 MB.
ANSWERS_AT_ONCE = 40_000
# The same of characters in them, for an answer may have megabytes.
CHARACTERS_AT_ONCE = 32_000_000
# The columns of an answer, see V2Answer.
SUBMISSION, FIELD, TEXT, CHOICE, OWN_ID = range(5)
# An answer as the driver gave it: V2Answer's columns, ids in v2's own spelling.
RawAnswer: TypeAlias = tuple[Any, ...]


AS_GIVEN: tuple[Maker, ...] = (as_given,) * 5


class PageAnswers(Mapping[str, list[V2Answer]]):
    """Answers by the submission they name: all submissions of a page, those without answers too.

    Args:
        submissions: ids of the page's submissions.
        answers: as read, those of one submission side by side (or else it takes longer).
        makers: make the mapping's values of each of their columns.
    """

    def __init__(
        self,
        submissions: Iterable[str],
        answers: Iterable[RawAnswer] = (),
        makers: Sequence[Maker] = AS_GIVEN,
    ) -> None:
        self._makers = makers
        self._own: dict[str, list[RawAnswer]] = {one: [] for one in submissions}
        self._others: list[RawAnswer] = []
        known = self._own.get
        make = makers[SUBMISSION]
        for key, group in groupby(answers, itemgetter(SUBMISSION)):
            own = known(make((key,))[0])
            (self._others if own is None else own).extend(group)

    def raw(self, submission: str) -> list[RawAnswer]:
        """A submission's answers as the driver gave them.

        Raises:
            KeyError: it is none of the page's.
        """
        return self._own[submission]

    def column(self, number: int) -> Sequence[Any]:
        """One of V2Answer's columns with a value an answer, each submission's side by side.

        What is made of a value costs too much to be done for a column that nobody looks at.
        """
        return self._makers[number]([answer[number] for answer in self._answers])

    @cached_property
    def _answers(self) -> list[RawAnswer]:
        return list(chain.from_iterable(self._own.values()))

    @cached_property
    def _spans(self) -> dict[str, tuple[int, int]]:
        spans: dict[str, tuple[int, int]] = {}
        start = 0
        for one, own in self._own.items():
            spans[one] = (start, start + len(own))
            start += len(own)
        return spans

    def span(self, submission: str) -> tuple[int, int]:
        """Where a submission's answers begin in a column, and where they have ended.

        Raises:
            KeyError: it is none of the page's.
        """
        return self._spans[submission]

    @property
    def number(self) -> int:
        """How many answers the submissions have."""
        return sum(map(len, self._own.values()))

    def others(self) -> list[V2Answer]:
        """The answers that name no submission of the page."""
        return self._rows(self._others)

    def without(self, submissions: Iterable[str]) -> None:
        """Forget these submissions, and their answers."""
        for one in submissions:
            del self._own[one]

    def _made(self, answers: Iterable[RawAnswer]) -> list[Sequence[Any]]:
        columns = list(zip(*answers, strict=True)) or [()] * len(self._makers)
        return [make(column) for make, column in zip(self._makers, columns, strict=True)]

    def _rows(self, answers: Iterable[RawAnswer]) -> list[V2Answer]:
        return list(zip(*self._made(answers), strict=True))

    def __getitem__(self, submission: str) -> list[V2Answer]:
        return self._rows(self._own[submission])

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)
