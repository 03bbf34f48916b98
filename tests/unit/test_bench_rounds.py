"""make bench's conditions: who took part in which round, with how many workers, on which server."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.management import load_command_class

from benchmarks import contestants, resume
from benchmarks.asked import Asked, asked, what_is_asked
from benchmarks.common import Place, place
from benchmarks.contestants import Contest
from benchmarks.dataset import Dataset
from benchmarks.figures import Goal, Series, ratio
from benchmarks.processes import Run
from pliers.embedded import EmbeddedError, Server

SUBMISSIONS = 200


@pytest.fixture
def contest(monkeypatch: pytest.MonkeyPatch) -> Contest:
    """k alone, of two hundred submissions; nothing is run, and v3 holds whatever it has to."""
    monkeypatch.setattr(
        contestants, "database", mock.Mock(BATCH=1000, facts=lambda _v3: {"fields": 1})
    )
    data = Dataset(Path("v2.sqlite3"), SUBMISSIONS, 1, {}, 1)
    at = mock.Mock(v2=lambda _path: {}, dsn=lambda: "")
    manner = Asked((1,), "1000", named=False)
    return Contest(at, mock.Mock(), data, frozenset("k"), manner, dear=3)


def rounds(contest: Contest, monkeypatch: pytest.MonkeyPatch, ends: list[Any]) -> None:
    """Run the rounds of k, each of which ends so."""
    given: Iterator[Any] = iter(ends)

    def killed_and_resumed(*_words: object) -> tuple[Run, int]:
        if isinstance(end := next(given), Exception):
            raise end
        seconds, reached = end
        return Run(seconds, 0, 0, "", cpu=0.5), reached

    monkeypatch.setattr(resume, "killed_and_resumed", killed_and_resumed)
    for number in range(1, len(ends) + 1):
        contest.round(number)


def test_after_a_round_that_k_missed_each_of_its_rounds_meets_its_own(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_fast = resume.TooFastError("over before it could be killed")
    rounds(contest, monkeypatch, [too_fast, (2.0, 180), (6.0, 190)])
    full = Series("import_v2", [1000.0, 10.0, 20.0], rounds=[1, 2, 3])

    found = ratio(Goal("resume", "resume ÷ a full run", 0.2), contest.series["k"], full)

    assert (found.low, found.high) == (0.2, 0.3)
    assert contest.killed == {2: 0.9, 3: 0.95}
    assert contest.how_far().endswith("the books said 90.0 % in round 2, 95.0 % in round 3")
    assert contest.left_out == {}


def test_k_that_was_never_killed_has_no_figure_and_says_why(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds(contest, monkeypatch, [resume.TooFastError("over already")] * 2)

    assert (contest.series, contest.killed) == ({}, {})
    assert contest.left_out == {"k": "over already"}


def test_two_that_never_met_in_a_round_have_a_ratio_and_no_range() -> None:
    one, other = Series("a", [3.0], rounds=[1]), Series("b", [6.0], rounds=[2])

    found = ratio(Goal("x", "x", 1), one, other)

    assert (found.value, found.low, found.high) == (0.5, None, None)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            [],
            "1 worker for 5,000, 3 workers for 50,000 (the default here), batches of 1000",
        ),
        (["--workers", "2"], "2 workers (asked for), batches of 1000"),
        (["--workers", "1", "--batch-size", "auto"], "1 worker (asked for), batches by auto"),
    ],
    ids=["default", "two", "auto"],
)
def test_the_conditions_name_the_workers_an_import_has_and_its_batches(
    settings: Any, words: list[str], line: str
) -> None:
    settings.PLIERS_WORKERS = 3
    sizes = [5_000, 50_000]

    assert asked(words, sizes).as_text(sizes) == line


@pytest.mark.parametrize(
    ("batch_size", "words", "of_k"),
    [("1000", (), "20"), ("7", ("--batch-size", "7"), "7"), ("auto", (), "auto")],
    ids=["default", "smaller than a tenth", "auto"],
)
def test_k_has_as_many_workers_as_a_and_the_notes_tell_a_batch_size_of_its_own(
    contest: Contest, monkeypatch: pytest.MonkeyPatch, batch_size: str, words: Any, of_k: str
) -> None:
    contest.manner, contest.words = Asked((3,), batch_size, named=False), words
    commands: list[list[str]] = []

    def killed_and_resumed(_v3: object, _env: object, command: Any, *_rest: object) -> Any:
        commands.append(list(command))
        return Run(1.0, 0, 0, "", cpu=0.5), 180

    monkeypatch.setattr(resume, "killed_and_resumed", killed_and_resumed)
    contest.round(1)

    (command,) = commands
    parser = load_command_class("transfer", "import_v2").create_parser("manage.py", "import_v2")
    options = vars(parser.parse_args(command[1:]))
    assert (options["workers"], str(options["batch_size"])) == (3, of_k)
    unlike = [note for note in contest.about_k() if note.startswith("k ran with")]
    assert [note.partition(":")[0] for note in unlike] == (
        [f"k ran with batches of {of_k}, a with batches of {batch_size}"]
        if of_k != batch_size
        else []
    )


def test_of_a_k_that_was_never_killed_the_notes_tell_no_batch_size(contest: Contest) -> None:
    assert contest.about_k() == []


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--workers", "33"], "33"), (["--threads", "2"], "--threads 2"), (["--help"], "--help")],
)
def test_words_that_import_v2_does_not_take_end_in_one_line(words: list[str], told: str) -> None:
    environment = os.environ | {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"}
    with pytest.raises(SystemExit) as raised:
        what_is_asked(Place(Path(), environment), words, [5000])

    line = str(raised.value)
    assert line.startswith("--import-options: ")
    assert told in line
    assert "Error" not in line
    assert "\n" not in line


def test_without_a_postgresql_of_its_own_it_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Server, "use", mock.Mock(side_effect=EmbeddedError("no room")))

    with pytest.raises(SystemExit, match=r"^no PostgreSQL of its own: no room$"), place(None):
        pass


def test_a_server_that_is_not_there_is_one_line_without_its_password() -> None:
    with (
        pytest.raises(SystemExit, match=r"^--server cannot be used: .*127\.0\.0\.1.*") as raised,
        place("postgres://someone:s3cret@127.0.0.1:9"),
    ):
        pass

    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)
