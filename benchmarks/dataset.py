"""The v2 of a benchmark: a SQLite file, made once for each size and kept."""

import errno
import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from benchmarks.common import Place, manage
from benchmarks.processes import ROOT

_SEEDING = ROOT / "legacy_v2" / "seed"
BYTES_AN_ANSWER = 300  # of the file, with its indexes: rather more than it takes
COUNTED = {
    "organizations": "Organization",
    "users": "User",
    "forms": "FormType",
    "submissions": "FormSubmission",
}


class Dataset(NamedTuple):
    """A v2 file.

    Attributes:
        path: the file.
        submissions: in it.
        answers: of each submission.
        rows: by v3 table, what an import of it has to come to.
        fields: those answered, of all submissions: the keys that v3's data has to have.
    """

    path: Path
    submissions: int
    answers: int
    rows: dict[str, int]
    fields: int


@contextmanager
def kept(folder: Path) -> Iterator[Path]:
    """The folder the data is kept in, held: a benchmark beside another measures only that.

    Raises:
        SystemExit: another benchmark holds it, or it cannot be made or written to.
    """
    with _lock_in(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(
                f"another benchmark is at work in {folder}: wait for it, since two at once spoil"
                " each other's figures, or name another folder with --data"
            ) from None
        yield folder


def _lock_in(folder: Path) -> IO[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return (folder / "lock").open("w")
    except OSError as error:
        raise SystemExit(f"--data {folder} cannot be used: {error.strerror}") from None


def dataset(at: Place, folder: Path, submissions: int, answers: int) -> Dataset:
    """The v2 of this size; made where it is not there, or where seed_v2 has changed since."""
    stem = f"v2-{submissions}x{answers}-"
    path = folder / f"{stem}{_digest()}.sqlite3"
    if not path.exists():
        for older in folder.glob(f"{stem}*.sqlite3"):
            older.unlink()
        words = ("--submissions", str(submissions), "--answers", str(answers))
        # Beside its place first: a file of this name is whole.
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        manage(at.v2(new), "seed_v2", *words)
        new.rename(path)
    return counted(path, submissions, answers)


def counted(path: Path, submissions: int, answers: int) -> Dataset:
    """A file of this size, and what it holds."""
    # Read through once: every contestant finds the file in the system's cache.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as v2:
        rows = {
            table: v2.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for table, name in COUNTED.items()
        }
        (fields,) = v2.execute(
            'SELECT sum(n) FROM (SELECT count(DISTINCT "FieldId") AS n'
            ' FROM "FormSubmissionMetaData" GROUP BY "FormSubmissionId")'
        ).fetchone()
    return Dataset(path, submissions, answers, rows, fields or 0)


def _digest() -> str:
    """Of the code that makes the data: other code may make other data."""
    whole = hashlib.sha256()
    for path in sorted(_SEEDING.rglob("*.py")):
        whole.update(path.read_bytes())
    return whole.hexdigest()[:8]
