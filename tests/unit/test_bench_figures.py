"""make bench's arithmetic and what it prints; nothing is timed here."""

import json

import pytest

from benchmarks import goals
from benchmarks.contestants import ALL
from benchmarks.database import COLUMNS
from benchmarks.figures import Goal, Result, Series, amount, ratio, slower
from benchmarks.pgloader import address_of
from benchmarks.processes import Memory
from benchmarks.render import Findings
from tests.unit.test_make import make
from transfer.records import FormRow, OrganizationRow, SubmissionRow, UserRow

GOAL = Goal("verify_to_import", "verify ÷ import", 1.0, 0.6)


def series(*seconds: float) -> Series:
    return Series("some", list(seconds), rounds=list(range(1, len(seconds) + 1)))


def took(**seconds: float) -> dict[str, Series]:
    return {key: Series(key, [value], rounds=[1]) for key, value in seconds.items()}


def test_a_ratio_is_that_of_the_medians_and_its_range_that_of_the_rounds():
    found = ratio(GOAL, series(2, 9, 4), series(1, 10, 8))
    assert found.value == 4 / 8
    assert (found.low, found.high) == (0.5, 2)


def test_a_contestant_with_fewer_rounds_is_compared_by_its_own_median():
    found = ratio(GOAL, series(2, 4, 6), series(10))
    assert (found.value, found.low, found.high) == (0.4, 0.2, 0.2)


def test_the_slower_floor_is_the_one_with_the_greater_median():
    reading, copying = series(1, 1, 9), series(2, 2, 2)
    assert slower([reading, copying]) is copying


@pytest.mark.parametrize(
    ("value", "bar", "hope"),
    [
        (0.6, "reached", "reached"),
        (0.8, "reached", "missed by 0.20 (33%)"),
        (1.0, "reached", "missed by 0.40 (67%)"),
        (1.25, "missed by 0.25 (25%)", "missed by 0.65 (108%)"),
        (None, "not measured", "not measured"),
    ],
)
def test_the_verdict_says_reached_or_missed_by_how_much(value, bar, hope):
    found = Result(GOAL, value)
    assert (found.verdict(GOAL.bar), found.verdict(GOAL.hoped)) == (bar, hope)


def test_seconds_and_megabytes_are_missed_in_their_own_units():
    again = amount(goals.AGAIN, series(3.5, 3.4, 9))
    assert again.verdict(goals.AGAIN.bar) == "missed by 0.50 s (17%)"
    assert Result(goals.MEMORY, 300.0).verdict(goals.MEMORY.bar) == "missed by 50 MB (20%)"
    assert Result(Goal("x", "x", 1.1), 1.0).verdict(None) == "-"


def test_each_goal_is_made_of_its_two_contestants():
    times = took(a=12, b=3, c=10, d=24, e=60, f=120, g=6, h=0.9, k=1.2)
    found = goals.results(times, {"import_v2": Memory(200_000_000, 300_000_000, 2)}, ALL, {})
    assert {one.goal.key: round(one.value or 0, 3) for one in found} == {
        "import_to_floor": 1.2,
        "import_to_sql": 0.5,
        "import_to_pgloader": 0.2,
        "import_to_bulk_create": 0.1,
        "verify_to_import": 0.5,
        "resume_to_import": 0.1,
        "again": 0.9,
        "peak_memory": 200,
    }
    assert all(one.reached for one in found)
    assert [one.goal.key for one in found] == [
        one.key for one in goals.ORDER if "scale" not in one.key
    ]
    assert found[0].goal.text.endswith("(c)")  # which floor it was


def test_who_did_not_take_part_has_no_value_and_a_reason():
    times = took(a=12, b=3, c=10, d=24, f=120, g=6, h=0.9, k=1.2)
    found = {r.goal.key: r for r in goals.results(times, {}, ALL, {"e": "gone"})}
    missing = found["import_to_pgloader"]
    assert (missing.value, missing.reached) == (None, None)
    assert missing.why == "gone"
    assert "smaps_rollup" in found["peak_memory"].why


def test_only_the_goals_of_those_who_were_asked_for_are_there():
    times = took(a=12, c=10, g=6)
    assert [one.goal.key for one in goals.results(times, {}, "acg", {})] == ["verify_to_import"]
    assert goals.results(times, {}, "", {}) == []


def test_scale_compares_a_submission_with_a_submission():
    small, large = Memory(100, 0, 1), Memory(110, 0, 1)
    time, memory = goals.scaled((100, 1000), [series(1, 2), series(9, 18)], [small, large])
    assert time.value == pytest.approx(0.9)
    assert memory.value == pytest.approx(1.1)
    assert time.goal.text == "time a submission, 1,000 ÷ 100"


@pytest.fixture
def findings() -> Findings:
    one, other = Series("import_v2", [2.0, 4.0, 3.0], [1.5, 1.5, 1.5], [1, 2, 3]), series(6)
    one.facts = {"submissions": 5000, "fields": 90_000}
    return Findings(
        {"benchmark": "5,000 submissions of 20 answers", "commit": "abc"},
        {"a": one, "f": other},
        {"import_v2": Memory(120_000_000, 150_000_000, 3)},
        [ratio(GOAL, one, other), Result(GOAL, None, "gone"), Result(goals.MEMORY, 120.0)],
        ["a note"],
    )


def test_the_text_is_tables_for_a_person(findings):
    text = findings.as_text()
    lines = {" ".join(line.split()) for line in text.splitlines()}
    assert "commit: abc" in lines
    assert "a. import_v2 3.00 2.00 4.00 1.50 3" in lines
    assert "f. some 6.00 6.00 6.00 - 1" in lines
    assert "a. import_v2 5,000 90,000" in lines
    assert "import_v2 120 MB 150 MB 3" in lines
    assert "verify ÷ import 0.50 0.33 to 0.33 ≤ 1 reached ≤ 0.6 reached" in lines
    assert "verify ÷ import - ≤ 1 not measured: gone" in lines
    assert "- a note" in lines
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_the_json_holds_every_round_and_every_verdict(findings):
    document = json.loads(json.dumps(findings.as_json()))
    assert document["contestants"]["a"]["seconds"] == [2.0, 4.0, 3.0]
    assert document["contestants"]["a"]["rounds"] == [1, 2, 3]
    assert document["contestants"]["a"]["median"] == 3.0
    assert document["memory"]["import_v2"]["pss"] == 120_000_000
    first, second, _ = document["results"]
    assert (first["value"], first["reached"], first["missed_by"]) == (0.5, True, 0.0)
    assert (second["value"], second["reached"], second["why_not_measured"]) == (None, None, "gone")
    assert document["notes"] == ["a note"]


@pytest.mark.parametrize(
    ("dsn", "address", "password"),
    [
        ("host=/tmp/s port=5432 user=u dbname=d", "postgresql://u@unix:/tmp/s:5432/d", ""),
        ("postgres://u%40x:p%2F@h:54/d", "postgresql://u%40x@h:54/d", "p/"),
        ("postgres://u@h/d?sslmode=require", "postgresql://u@h:5432/d?sslmode=require", ""),
    ],
)
def test_pgloader_is_given_the_place_without_the_password(dsn, address, password):
    assert address_of(dsn) == (address, password)


def test_the_copy_floor_copies_what_the_importer_does():
    rows = (OrganizationRow, UserRow, FormRow, SubmissionRow)
    assert list(COLUMNS.values()) == [row._fields for row in rows]


def test_make_hands_sizes_and_rounds_through():
    said = make("-n", "bench", "SUBMISSIONS=500000", "ROUNDS=5", "SERVER=postgres://u@h:1").stdout
    wanted = '--submissions "500000" --rounds "5" --server "postgres://u@h:1"'
    assert wanted in " ".join(said.split())
    assert '--size "small"' in make("-n", "bench", "SIZE=small").stdout
    assert "--only j" in make("-n", "bench-scale").stdout
