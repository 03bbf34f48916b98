"""Submissions compared by several processes: the parent's part of it.

It cuts v2's submissions into ranges and hands them out in their order, to whoever has time. What
the members send it gives on in the order of the ranges too, whoever was first: so what is kept, and
how far a verification has come, is the same as with one process, and one that was stopped can be
gone on with by any number of them.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from transfer.crew import Crew, Ended
from transfer.pipeline import Interruption, Observer
from transfer.proof.member import Found, Job, Ready, Said, Through, prove
from transfer.proof.paging import Proved
from transfer.proof.reading import Range

LOOK_SECONDS = 0.2  # how often the parent looks whether it is to stop
PAGES_A_RANGE = 5  # much less than there is for each, so that all end at about the same time
PAGES_WORTH_A_MEMBER = 5  # its connections and its start are worth as many
# What was found is held until all before it is stored: so nobody is this far ahead.
RANGES_AHEAD = 2  # for each member


@dataclass(frozen=True)
class Team:
    """Processes that wait to compare submissions.

    Args:
        crew: all of it, but for one who does something else beside them.
        job: what each has to know.
        beside: what that one does, a task of a crew's, and the task's arguments. It sends an Aside.
        pages: of submissions that each is to have at least.
    """

    crew: Crew
    job: Job
    beside: tuple[Any, ...]
    pages: int = PAGES_WORTH_A_MEMBER

    def number_for(self, submissions: int) -> int:
        """How many of them so many submissions are worth."""
        return min(len(self.crew) - 1, submissions // (self.job.size * self.pages))


class Aside(NamedTuple):
    """What the one beside them came to."""

    value: Any


class SideBySide:
    """The members of a team that compare the submissions of one verification.

    Args:
        team: all there are.
        number: how many of them.
        stop: whether the user asked to stop.
        observer: who watches.
        again: differences found earlier are open.
    """

    def __init__(
        self, team: Team, number: int, stop: Interruption, observer: Observer, *, again: bool
    ) -> None:
        self._crew = team.crew
        self._stop = stop
        self._observer = observer
        self._at_work = set(range(number))
        self._idle: set[int] = set()
        self._said: set[str] = set()
        self._found: dict[int, deque[Proved]] = {}
        self._through: dict[int, bool] = {}
        self._error: Exception | None = None
        for member in range(number):
            self._crew.begin(member, prove, replace(team.job, number=member + 1, again=again))
        self._beside: int | None = number
        self._aside: Any = None
        self._crew.begin(number, *team.beside)

    def proved(self, ranges: Iterator[Range]) -> Iterator[Proved]:
        """The pages of the ranges, in their order; where the user asks to stop, up to there.

        Raises:
            Exception: that of the member that could not go on, once all before is given.
            MemberLostError: a member was killed.
        """
        head, given = 0, 0
        ahead = RANGES_AHEAD * len(self._at_work)
        left: Range | None = next(ranges, None)
        while self._at_work:
            if self._stop.asked or self._error:
                self._crew.stop()
                left = None
            while left is not None and self._idle and given - head < ahead:
                self._crew.say(self._idle.pop(), left)
                self._found[given] = deque()
                given += 1
                left = next(ranges, None)
            if left is None:
                self._dismiss()
            self._listen()
            while head < given:
                yield from self._taken(head)
                if not self._through.pop(head, False):
                    break
                del self._found[head]
                head += 1
        if self._error:
            raise self._error

    def aside(self) -> Any:  # noqa: ANN401 - whatever it was to do
        """What the one beside the others came to, once it has.

        Raises:
            Exception: it could not.
            MemberLostError: it was killed.
        """
        while self._beside is not None:
            self._listen()
        if self._error:
            raise self._error
        return self._aside

    def _taken(self, number: int) -> Iterator[Proved]:
        found = self._found[number]
        while found:
            yield found.popleft()

    def _dismiss(self) -> None:
        """There is nothing more for those that wait."""
        while self._idle:
            self._crew.say(self._idle.pop(), None)

    def _listen(self) -> None:
        for member, message in self._crew.reports(LOOK_SECONDS):
            match message:
                case Ready():
                    self._idle.add(member)
                case Found(number, page):
                    self._found[number].append(page)
                case Through(number, whole):
                    self._through[number] = whole
                    self._idle.add(member)
                case Said(text) if text not in self._said:
                    self._said.add(text)  # each has lost the same v2
                    self._observer.remark(text)
                case Aside(value):
                    self._aside = value
                case Ended(error):
                    self._at_work.discard(member)
                    if member == self._beside:
                        self._beside = None
                    self._error = self._error or error
