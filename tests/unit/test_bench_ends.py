"""make bench from its start to its end: what it refuses, what it keeps, what it leaves behind."""

import signal
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from benchmarks import bench
from benchmarks.common import heed_ends
from benchmarks.dataset import kept
from benchmarks.render import Findings


@pytest.fixture
def handlers() -> Iterator[None]:
    """Puts the signals back."""
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, handlers: None) -> mock.Mock:
    """A benchmark that measures nothing and has found some figures; what was to be measured."""
    at = SimpleNamespace(dsn=lambda: "")
    monkeypatch.setattr(bench, "place", mock.Mock(return_value=nullcontext(at)))
    monkeypatch.setattr(bench.psycopg, "connect", mock.Mock(return_value=nullcontext()))
    for name in ("_room", "dataset", "what_is_asked", "Contest"):
        monkeypatch.setattr(bench, name, mock.Mock())
    monkeypatch.setattr(bench, "_conditions", mock.Mock(return_value={"machine": "a small one"}))
    measure = mock.Mock()
    monkeypatch.setattr(bench, "_measure", measure)
    return measure


def run_bench(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr("sys.argv", ["bench", *map(str, words)])
    bench.main()


def test_the_document_is_kept_and_the_text_printed(
    measured: mock.Mock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    run_bench(monkeypatch, "--data", tmp_path / "data")

    assert capsys.readouterr().out == "machine: a small one\n"
    assert "a small one" in (tmp_path / "data/bench.json").read_text()


@pytest.mark.parametrize("output", ["none/bench.json", "file/bench.json", "folder"])
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_measured(
    measured: mock.Mock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, output: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    with pytest.raises(SystemExit, match=r"^--output .* cannot be used: .*$"):
        run_bench(monkeypatch, "--data", tmp_path / "data", "--output", tmp_path / output)

    measured.assert_not_called()


def test_an_output_that_may_not_be_written_is_refused(
    measured: mock.Mock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        "os.access",
        lambda path, _mode: Path(path) != tmp_path,  # the superuser may all
    )

    with pytest.raises(SystemExit, match=r"^--output .* cannot be used: it may not be written$"):
        run_bench(monkeypatch, "--data", tmp_path / "data", "--output", tmp_path / "b.json")

    measured.assert_not_called()


def test_an_output_that_fails_at_the_end_is_one_line_after_the_figures(
    measured: mock.Mock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    output = tmp_path / "out/bench.json"
    output.parent.mkdir()
    measured.side_effect = lambda *_words: output.parent.rmdir()

    with pytest.raises(SystemExit, match=r"^--output .* was not written: No such file.*$"):
        run_bench(monkeypatch, "--data", tmp_path / "data", "--output", output)

    assert capsys.readouterr().out == "machine: a small one\n"


def test_figures_that_nobody_reads_are_kept_all_the_same(
    measured: mock.Mock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Findings, "as_text", mock.Mock(side_effect=BrokenPipeError))

    with pytest.raises(BrokenPipeError):
        run_bench(monkeypatch, "--data", tmp_path)

    assert "a small one" in (tmp_path / "bench.json").read_text()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file/folder"):
        with pytest.raises(SystemExit, match=r"^--data .* cannot be used: .*$"), kept(folder):
            pass


def test_help_tells_each_default_once_and_none_that_is_none() -> None:
    words = " ".join(bench._parser().format_help().split())

    assert "bench.json in the folder of --data)" in words
    assert "of each submission (default: 20)" in words
    assert "None" not in words
    assert "frozenset" not in words
    assert ") (default" not in words


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_once_and_does_not_disturb_the_clearing_away(
    handlers: None, number: signal.Signals
) -> None:
    heed_ends()

    with pytest.raises(SystemExit) as raised:
        signal.raise_signal(number)
    assert raised.value.code == 128 + number

    signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGTERM)


def test_under_nohup_a_closed_terminal_ends_nothing(handlers: None) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    heed_ends()

    signal.raise_signal(signal.SIGHUP)
