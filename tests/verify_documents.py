"""Reports of verifications as verify_v2 writes them in JSON, for tests of what shows them."""

import uuid
from typing import Any

ORGANIZATION = "00000001-0000-4000-8000-000000000001"


def check(name: str, v2: int | None, v3: int, status: str = "PASSED", **more: Any) -> Any:
    difference = None if v2 is None else v2 - v3
    usual = {"name": name, "source_count": v2, "target_count": v3, "difference": difference}
    usual |= {"status": status, "note": "", "open_errors": 0, "accepted": {}}
    return usual | more


def table(name: str, v2_table: str, compared: int, **more: Any) -> Any:
    counts = {"compared": compared, "equal": compared, "different": 0, "accepted": 0}
    counts |= {"missing_in_v3": 0, "missing_in_v2": 0}
    digests = {"digest_v2": f"{compared:064x}"}
    digests["digest_v3"] = digests["digest_v2"]
    return {"table": name, "v2_table": v2_table} | counts | digests | more


def group(number: int, v2: int, v3: int | None = None, level: str = "organization") -> Any:
    v3 = v2 if v3 is None else v3
    return {
        "level": level,
        "id": str(uuid.UUID(int=number)),
        "organization_id": str(uuid.UUID(int=number)) if level == "organization" else ORGANIZATION,
        "check_name": f"{level.capitalize()} no. {number}",
        "what": "submissions",
        "source_count": v2,
        "target_count": v3,
        "difference": v2 - v3,
        "open_errors": 0,
        "status": "PASSED" if v2 == v3 else "FAILED",
    }


def difference(**more: Any) -> Any:
    usual: dict[str, Any] = {"table": "submissions", "v2_table": "FormSubmission"}
    usual |= {"record_id": str(uuid.UUID(int=77)), "kind": "different", "column": "data[FullName]"}
    return usual | {"v2_value": '"Ada Lovelace"', "v3_value": '"Ada Loveluce"'} | more


def differences(*shown: Any, total: int | None = None) -> Any:
    total = len(shown) if total is None else total
    places: dict[tuple[str, str, str], int] = {}
    for each in shown:
        place = each["table"], each["kind"], each["column"].partition("[")[0]
        places[place] = places.get(place, 0) + 1
    by_place = [
        {"table": name, "kind": kind, "column": column, "count": count}
        for (name, kind, column), count in places.items()
    ]
    return {"total": total, "stored": total, "by_place": by_place, "shown": list(shown)}


def document(**changes: Any) -> dict[str, Any]:
    """The report of a small migration in which all is well; changed as told."""
    good = {
        "migration": "night",
        "source": "SQLite v2.sqlite3",
        "target": "PostgreSQL 18 pliers on /run/pg",
        "status": "PASSED",
        "errors": 0,
        "checks": [
            check("Organizations", 3, 3),
            check("Users", 25, 25),
            check("Forms", 12, 12),
            check("Submissions", 2000, 2000),
            check("Answers", 21_345, 21_345),
            check("Orphans", None, 0),
        ],
        "accepted_differences": [],
        "verified_at": "2025-01-22T23:15:00.123456+00:00",
        "seconds": 12.34,
        "sample": None,
        "resumed": False,
        "tables": [
            table("organizations", "Organization", 3),
            table("users", "User", 25),
            table("forms", "FormType", 12),
            table("submissions", "FormSubmission", 2000),
        ],
        "groups": [
            *(group(number, 1000 // number) for number in (1, 2, 3)),
            *(group(number, 100 * number, level="form") for number in (1, 2)),
        ],
        "differences": differences(),
    }
    return good | changes


def failed(**changes: Any) -> dict[str, Any]:
    """The report of a migration with everything in it that a report can hold."""
    shown = [
        difference(),
        difference(column="data[Tags]", v2_value='["a", "b"]', v3_value='["b", "a"]'),
        difference(column="data[Name]", v2_value='"Zoe\u0301"', v3_value='"Zoé"'),
        difference(kind="missing_in_v3", column="", v2_value='{"Id": 1}', v3_value=None),
        difference(kind="missing_in_v2", column="data[Extra]", v2_value=None, v3_value="null"),
        difference(
            table="forms",
            v2_table="FormType",
            column="definition[title]",
            v2_value='"<script>alert(1)</script>"',
            v3_value='"<img src=x onerror=alert(1)>"',
        ),
    ]
    note = "2 neither in v3 nor recorded as errors"
    accepted = {"name": "number_missing", "rule": "M12", "of": "submissions", "count": 31}
    accepted |= {"meaning": "no lookup code", "reason": "v3 requires a number"}
    bad = {
        "status": "FAILED",
        "errors": 4,
        "checks": [
            check("Organizations", 3, 3),
            check("Users", 25, 23, "OPEN", open_errors=2, note="2 recorded as errors"),
            check("Forms", 12, 12, "WARNING", accepted={"number_missing": 31}),
            check("Submissions", 2000, 1996, "FAILED", open_errors=2, note=note),
        ],
        "accepted_differences": [accepted],
        "tables": [
            table("organizations", "Organization", 3),
            table("users", "User", 25, equal=23),
            table("forms", "FormType", 12, equal=9, accepted=2, different=1, digest_v3="ab" * 32),
            table(
                "submissions",
                "FormSubmission",
                2000,
                equal=1960,
                accepted=31,
                different=3,
                missing_in_v3=3,
                missing_in_v2=1,
                digest_v3="cd" * 32,
            ),
        ],
        "groups": [
            *(group(number, 1000 // number) for number in range(1, 20)),
            group(20, 10, 6),
            *(group(number, 100 * number, level="form") for number in (1, 2)),
        ],
        "differences": differences(*shown, total=1234),
        "resumed": True,
    }
    return document(**bad | changes)
