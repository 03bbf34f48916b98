"""The verdict of a verification in plain words: what it means, and what to do next."""

import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple


class Words(NamedTuple):
    """What a verdict says.

    Args:
        kind: good, accepted, open or bad; a class of the page's.
        headline: the verdict in a few words.
        meaning: what it means, a sentence a line.
        to_do: what is to be done, a step a line.
        command: the command the first step needs; empty where there is none.
    """

    kind: str
    headline: str
    meaning: tuple[str, ...]
    to_do: tuple[str, ...]
    command: str = ""


def verdict(document: Mapping[str, Any]) -> Words:
    """Return the verdict of a report; what contradicts itself or is unknown is never good."""
    errors = number(document.get("errors")) or 0
    found = number(_mapping(document.get("differences")).get("total")) or 0
    status = document.get("status")
    if status in ("PASSED", "WARNING") and found:
        status = "FAILED"
    elif status in ("PASSED", "WARNING") and errors:
        status = "OPEN"
    words = _WORDS.get(str(status), _unknown)(document, errors, found)
    sample = number(document.get("sample"))
    return words if sample is None else _of_a_sample(words, sample)


def number(value: object) -> int | None:
    """Return a count of a report; None where there is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def counted(count: int, what: str) -> str:
    """Return a count and its noun: 1 error, 2 errors."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def command(name: str, document: Mapping[str, Any]) -> str:
    """Return a command on the report's migration, for a shell; empty where its name cannot be."""
    migration = document.get("migration")
    if not isinstance(migration, str) or not migration.strip() or not migration.isprintable():
        return ""
    quoted = shlex.quote(migration)
    return f"manage.py {name} --name{'=' if migration[0] == '-' else ' '}{quoted}"


def _passed(document: Mapping[str, Any], errors: int, found: int) -> Words:  # noqa: ARG001 - one signature for all
    return Words(
        "good",
        "Everything arrived",
        ("v3 is what the rules make of v2, and nothing differs.",),
        ("Nothing is to be done. Keep this report with the migration's papers.",),
    )


def _warning(document: Mapping[str, Any], errors: int, found: int) -> Words:  # noqa: ARG001 - one signature for all
    return Words(
        "accepted",
        "Everything arrived; some of it differs as accepted",
        (
            "v3 is what the rules make of v2.",
            "Where that is not what v2 held, a rule says so: see the accepted differences below.",
        ),
        (
            "Read the accepted differences once: their reasons should be yours too.",
            "Nothing else is to be done. Keep this report with the migration's papers.",
        ),
    )


def _open(document: Mapping[str, Any], errors: int, found: int) -> Words:  # noqa: ARG001 - one signature for all
    some = f"{counted(errors, 'error')} of the migration" if errors else "some errors"
    return Words(
        "open",
        f"Not finished: {counted(errors, 'open error')}" if errors else "Not finished: open errors",
        (
            "What is in v3 is right.",
            f"What {some} stand for is not in v3; each is recorded, with what v2 holds.",
        ),
        (
            "Repair the records in v2, or put what they lack into v3; then try them again.",
            "Verify again afterwards. To go live without them is a decision, and yours.",
        ),
        command("retry_v2", document),
    )


def _failed(document: Mapping[str, Any], errors: int, found: int) -> Words:
    wrong = "What is in v3 is not what the rules make of v2, or something is neither there nor"
    meaning = [f"{wrong} recorded as an error."]
    if found:
        meaning.append(f"{counted(found, 'difference')} found.")
    if errors:
        meaning.append(f"Besides, {counted(errors, 'error')} of the migration are open.")
    return Words(
        "bad",
        "Failed: do not go live",
        tuple(meaning),
        (
            "Look at the checks that failed and at the differences: kind, record, both values.",
            "Mend v3, or take the migration back (rollback_v2) and begin anew; then verify again.",
        ),
        command("verify_v2", document),
    )


def _unknown(document: Mapping[str, Any], errors: int, found: int) -> Words:  # noqa: ARG001 - one signature for all
    return Words(
        "bad",
        "No verdict",
        ("This report has no verdict that this program knows. It proves nothing.",),
        ("Verify again.",),
        command("verify_v2", document),
    )


_WORDS = {"PASSED": _passed, "WARNING": _warning, "OPEN": _open, "FAILED": _failed}


def _of_a_sample(words: Words, sample: int) -> Words:
    if words.kind == "bad":
        return words
    return words._replace(
        headline=f"{words.headline}, as far as a sample tells",
        meaning=(
            *words.meaning,
            f"Of large tables the values of {counted(sample, 'record')} were compared, not all.",
        ),
        to_do=(*words.to_do, "Verify all of it before you rely on it: without --sample."),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
