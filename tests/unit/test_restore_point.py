"""What a restore point is good for hangs on whether the server's log is archived."""

import pytest

from transfer.restore_point import Archived, RestorePoint, fault_of_archiving

WORKS = Archived(12, None, None, None)
FRESH = Archived(0, None, None, None)
FAILS = Archived(12, "0000000100000000000000AB", True, "2026-01-02 03:04:05")


@pytest.mark.parametrize(
    ("command", "library", "done", "said"),
    [
        ("cp %p /archive/%f", "", WORKS, ""),
        ("", "basic_archive", WORKS, ""),
        (None, None, WORKS, ""),
        ("", "", WORKS, "neither an archive_command nor an archive_library"),
        ("(disabled)", "", FRESH, "neither an archive_command"),
        ("cp %p /archive/%f", "", FRESH, "nothing was archived yet"),
        (None, None, FRESH, "nothing was archived yet"),
        ("false", "", FAILS, "archiving has failed since 2026-01-02 03:04:05 UTC, at 00000001"),
    ],
)
def test_a_server_that_archives_nothing_makes_it_good_for_nothing(
    command: str | None, library: str | None, done: Archived, said: str
) -> None:
    fault = fault_of_archiving(command, library, done)
    point = RestorePoint("before", "0/1", "replica", "on", fault)

    assert said in fault
    assert point.usable is (said == "")
    assert ("good for nothing" in point.sentence()) is (said != "")
