"""The proof of every shape of v2: without what is assumed, in another zone, in parts, undone."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import connection

from tests.acceptance.verifying import run as command
from tests.integration.proof.proving import (
    after_batches,
    core,
    failing,
    proved,
    table,
    verifications,
)
from tests.runs import query, run
from tests.v2 import V2, guid, make_v2
from transfer.exceptions import ConfigurationError, VerificationStoppedError
from transfer.mapping.context import parse_mapping_file
from transfer.proof import keeper

pytestmark = pytest.mark.django_db(transaction=True)

ASSUMED = (
    "User", "FormType.OrganizationId", "FormType.CreatedOn", "FormSubmission.OrganizationId",
    "FieldSetting.Id", "Field_Choice_Map.Id", "FormSubmissionMetaData.Id",
)  # fmt: skip
MINE, THEIRS = guid(1, 1), guid(1, 2)


def a_v2(path: Path, omit: tuple[str, ...] = ()) -> V2:
    """Two forms of two organizations, with choices, settings, and several answers to a field."""
    v2 = make_v2(
        path,
        omit=omit,
        organizations=[{"Name": "Acme\x00"}, {"Name": "Wolf"}],
        forms=[{"Name": "Leave"}, {"Name": "Order"}],
        fields=[{"Name": "who"}, {"FieldTypeId": guid(3, 4)}, {"FormTypeId": guid(4, 2)}],
        choices=[{}, {}, {}],
        maps=[
            {"FieldId": guid(5, 2), "ChoiceId": guid(7, number), "SortOrder": 5 - number}
            for number in (1, 2, 3)
        ],
        settings=[{"Name": "max", "StoredValue": "5"}, {"Name": "max", "StoredValue": "6"}],
        submissions=[{}, {}, {"FormTypeId": guid(4, 2)}],
    )
    if "User" not in omit:
        v2.add("users", {"OrganizationId": MINE}, {"OrganizationId": THEIRS})
    if "FormType.OrganizationId" not in omit:
        v2.execute("UPDATE FormType SET OrganizationId = ? WHERE Name = 'Order'", [THEIRS])
    chosen = guid(8, 1) if "Field_Choice_Map.Id" not in omit else guid(7, 1)
    for row in v2.submissions[:2]:
        answer = {"FormSubmissionId": row["Id"], "FieldId": guid(5, 2)}
        v2.add(
            "answers",
            {"FormSubmissionId": row["Id"], "FreeFormEntry": "ann"},
            {"FormSubmissionId": row["Id"], "FreeFormEntry": "bob"},
            answer | {"FieldChoiceMapId": chosen},
            answer | {"FreeFormEntry": "beside", "FieldChoiceMapId": chosen},
        )
    return v2


@pytest.mark.parametrize(
    "omit", [*((one,) for one in ASSUMED), ASSUMED], ids=[*ASSUMED, "all of them"]
)
def test_a_v2_without_what_is_only_assumed(
    v2_path: Path, tmp_path: Path, settings: Any, omit: tuple[str, ...]
) -> None:
    """Whose forms they are, the mapping file says of one, the default organization of the rest."""
    a_v2(v2_path, omit)
    mapping = f'[forms]\nOrder = "{THEIRS}"\n'
    settings.V2_MAPPING = tmp_path / "mapping.toml"
    settings.V2_MAPPING.write_text(mapping)
    run(name="night", mapping=parse_mapping_file(mapping), default_organization=MINE)

    document = proved()

    assert failing(document) == {}
    assert table(document, "submissions")["equal"] == 3
    assert table(document, "users")["equal"] == (0 if "User" in omit else 2)
    assert core(proved(sample=1))["status"] == document["status"]
    query("UPDATE forms SET organization_id = %s WHERE id = %s", [MINE, guid(4, 2)])
    assert guid(4, 2) in failing(proved())["Values of forms"]


def test_without_the_mapping_file_it_was_made_with_nothing_can_be_told(
    v2_path: Path, tmp_path: Path, settings: Any
) -> None:
    a_v2(v2_path)
    mapping = '[statuses]\nSubmitted = "approved"\n'
    run(name="night", mapping=parse_mapping_file(mapping))

    with pytest.raises(
        ConfigurationError, match=r"V2_MAPPING \[statuses\]: .submitted. was approved"
    ):
        proved()

    settings.V2_MAPPING = tmp_path / "mapping.toml"
    settings.V2_MAPPING.write_text(mapping)
    assert failing(proved()) == {}


def test_m03_times_of_another_zone_in_its_gap_and_its_overlap(v2_path: Path) -> None:
    """In Berlin there was no 02:30 on 31 March, and 02:30 came twice on 27 October."""
    times = ["2024-03-31 02:30:00", "2024-10-27 02:30:00.5", "0001-01-01 00:00:00", "2024-07-01"]
    make_v2(
        v2_path,
        organizations=[{"CreatedOn": time} for time in times],
        users=[{"CreatedOn": times[0], "LastUpdatedOn": time} for time in times],
        forms=[{"CreatedOn": time} for time in times],
        submissions=[{"CreatedOn": times[3], "LastUpdatedOn": time} for time in times],
    )
    run(name="night", time_zone=ZoneInfo("Europe/Berlin"))

    assert failing(proved()) == {}

    query(
        "UPDATE users SET created_at = created_at + interval '1 hour' WHERE id = %s", [guid(2, 2)]
    )
    assert guid(2, 2) in failing(proved())["Values of users"]


def test_organizations_side_by_side_are_proven_each_by_itself(v2_path: Path) -> None:
    a_v2(v2_path)
    run(name="mine", organizations=[MINE])
    run(name="theirs", organizations=[THEIRS])

    mine, theirs = (proved(organization=one) for one in (MINE, THEIRS))

    assert (mine["migration"], theirs["migration"]) == ("mine", "theirs")
    assert failing(mine) == failing(theirs) == {}
    assert [one["compared"] for one in mine["tables"]] == [1, 1, 1, 2]
    assert [one["compared"] for one in theirs["tables"]] == [1, 1, 1, 1]
    assert {one["organization_id"] for one in mine["groups"]} == {MINE}

    query("DELETE FROM submissions WHERE form_id = %s", [guid(4, 2)])
    assert failing(proved("mine")) == {}
    assert failing(proved("theirs"))["Values of submissions"].startswith("1 are missing in v3: ")


def test_names_that_jsonb_does_not_hold_are_in_the_report_cleaned(v2_path: Path) -> None:
    a_v2(v2_path)
    run(name="night")

    document = proved()

    assert "Acme\ufffd" in {group["check_name"] for group in document["groups"]}
    assert verifications() == [("completed", None)]


def test_what_was_rolled_back_is_verified_by_name_only_and_fails(v2_path: Path) -> None:
    a_v2(v2_path)
    run(name="night")
    assert command("rollback_v2", "night", "--no-input")[0] == 0

    document = proved("night")

    assert document["status"] == "FAILED"
    assert "is rolled_back, not completed" in failing(document)["Run of users"]


def test_a_connection_to_v3_that_is_lost_ends_it_and_it_goes_on_later(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "SECONDS_BETWEEN", -1.0)
    a_v2(v2_path)
    run(name="night")
    expected = core(proved())

    def cut() -> None:
        with psycopg.connect(**parameters, autocommit=True) as administrator:
            administrator.execute("SELECT pg_terminate_backend(%s)", [backend])

    ((backend,),) = query("SELECT pg_backend_pid()")
    given = connection.get_connection_params()
    wanted = ("host", "port", "user", "password", "dbname")
    parameters = {key: given[key] for key in wanted if given.get(key)}

    with pytest.raises(VerificationStoppedError, match="To go on: verify_v2 --name night"):
        proved(None, after_batches(4, cut), batch_size=1)

    connection.close()
    assert verifications()[-1] == ("in_progress", None)
    document = proved()
    assert document["resumed"]
    assert core(document) == expected
