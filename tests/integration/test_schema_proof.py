"""What the tables of verifications, differences and deferrals refuse by themselves."""

from datetime import UTC, datetime
from itertools import product

import pytest
from django.db import IntegrityError, transaction

from transfer.models import (
    VERIFICATION_TRANSITIONS,
    DeferralKind,
    DifferenceKind,
    MigrationDeferral,
    MigrationDifference,
    MigrationProgress,
    MigrationVerification,
    RunStatus,
    VerificationStatus,
)

pytestmark = pytest.mark.django_db

TIME = datetime(2025, 1, 22, tzinfo=UTC)


def verification(**values):
    defaults = {"migration_name": "m", "completed_at": TIME, "report": {"status": "PASSED"}}
    return MigrationVerification.objects.create(**defaults | values)


def difference(**values):
    defaults = {"migration_name": "m", "table_name": "forms", "v2_table": "FormType"}
    defaults |= {"record_id": "5e", "kind": "different", "place": "a" * 64}
    if "verification" not in values:
        run = MigrationVerification.objects.first()
        defaults["verification"] = run or verification(status="completed")
    return MigrationDifference.objects.create(**defaults | values)


def deferral(**values):
    defaults = {"migration_name": "m", "table_name": "submissions", "kind": "index"}
    defaults |= {"name": "idx_submissions_form", "definition": "CREATE INDEX …"}
    return MigrationDeferral.objects.create(**defaults | values)


class TestVerifications:
    @pytest.mark.parametrize(
        ("before", "after"), list(product(VerificationStatus, VerificationStatus))
    )
    def test_the_database_allows_the_transitions_the_engine_knows_and_no_others(
        self, before, after
    ):
        verification(status=before)
        refused = ""
        try:
            with transaction.atomic():
                MigrationVerification.objects.update(status=after)
        except IntegrityError as error:
            refused = str(error)

        assert (refused == "") == (after in VERIFICATION_TRANSITIONS[before])
        assert refused == "" or f"from {before} to {after}" in refused
        assert MigrationVerification.objects.get().status == (before if refused else after)

    def test_every_state_has_an_entry_in_the_table_of_transitions(self):
        assert set(VERIFICATION_TRANSITIONS) == set(VerificationStatus)

    @pytest.mark.parametrize("status", VerificationStatus)
    def test_one_that_goes_on_may_write_down_its_place_and_one_that_ended_its_report(self, status):
        verification(status=status)
        assert MigrationVerification.objects.update(state={"at": 1}, heartbeat_at=TIME) == 1

    def test_an_unknown_state_is_refused(self):
        with pytest.raises(IntegrityError, match="migration_verifications_status_check"):
            verification(status="bogus")

    @pytest.mark.parametrize("lacking", ["completed_at", "report"])
    def test_one_is_not_completed_without_its_time_and_its_report(self, lacking):
        verification(status="in_progress", **{lacking: None})
        with pytest.raises(IntegrityError, match="migration_verifications_report_check"):
            MigrationVerification.objects.update(status="completed")

    def test_a_migration_has_one_in_progress_and_any_number_that_ended(self):
        for status in ("completed", "completed", "abandoned", "abandoned", "in_progress"):
            verification(status=status)
        verification(status="in_progress", migration_name="another")
        with pytest.raises(IntegrityError, match="migration_verifications_one_in_progress"):
            verification(status="in_progress")


class TestDifferences:
    @pytest.mark.parametrize("kind", DifferenceKind)
    def test_each_kind_is_stored(self, kind):
        assert difference(kind=kind).column_name == ""

    def test_an_unknown_kind_is_refused(self):
        with pytest.raises(IntegrityError, match="migration_differences_kind_check"):
            difference(kind="bogus")

    @pytest.mark.parametrize(
        "other", [{}, {"v2_table": "x"}, {"kind": "missing_in_v3"}, {"v3_value": "1"}], ids=str
    )
    def test_an_open_one_is_stored_once_a_place(self, other):
        difference()
        with pytest.raises(IntegrityError, match="migration_differences_place_key"):
            difference(**other)

    @pytest.mark.parametrize(
        "other",
        [
            {"migration_name": "n"},
            {"table_name": "users"},
            {"record_id": "5f"},
            {"place": "b" * 64},
        ],
        ids=str,
    )
    def test_one_in_another_place_is_another(self, other):
        difference()
        assert difference(**other)

    def test_one_that_was_mended_is_history_and_may_come_back(self):
        difference(resolved_at=TIME)
        difference(resolved_at=TIME)
        assert difference().resolved_at is None

    def test_one_belongs_to_a_verification_and_keeps_it(self):
        found = difference()
        with pytest.raises(IntegrityError, match="verification_id_fkey"), transaction.atomic():
            MigrationDifference.objects.update(verification=found.verification_id + 1)
        with pytest.raises(IntegrityError, match="verification_id_fkey"), transaction.atomic():
            MigrationVerification.objects.all()._raw_delete("default")


class TestDeferrals:
    def test_an_unknown_kind_is_refused(self):
        with pytest.raises(IntegrityError, match="migration_deferrals_kind_check"):
            deferral(kind="bogus")

    def test_a_thing_is_deferred_once_at_a_time(self):
        deferral(settled_at=TIME)
        deferral(settled_at=TIME)
        deferral()
        deferral(name="idx_submissions_status")
        deferral(migration_name="n")
        with pytest.raises(IntegrityError, match="migration_deferrals_open_key"):
            deferral()

    @pytest.mark.parametrize("kind", DeferralKind)
    def test_a_table_is_not_completed_while_one_of_its_own_is_open(self, kind):
        progress()
        put_off = deferral(kind=kind, name="a")
        deferral(kind=kind, name="b")
        deferral(kind=kind, name="c", settled_at=TIME)

        with pytest.raises(IntegrityError, match="not settled yet: a, b"), transaction.atomic():
            complete()
        MigrationDeferral.objects.filter(name="b").update(settled_at=TIME)
        with pytest.raises(IntegrityError, match="not settled yet: a"), transaction.atomic():
            complete()
        assert MigrationProgress.objects.get().status == "in_progress"

        MigrationDeferral.objects.filter(pk=put_off.pk).update(settled_at=TIME)
        assert complete() == 1

    @pytest.mark.parametrize("other", [{"table_name": "forms"}, {"migration_name": "n"}], ids=str)
    def test_one_of_another_table_or_migration_holds_nothing_up(self, other):
        progress()
        deferral(**other)
        assert complete() == 1

    @pytest.mark.parametrize("status", ["in_progress", "failed", "rolled_back"])
    def test_one_that_is_open_forbids_no_other_state(self, status):
        progress()
        deferral()
        assert MigrationProgress.objects.update(status=status) == 1

    def test_a_completed_table_can_still_be_written_to_and_rolled_back(self):
        progress(status=RunStatus.COMPLETED)
        deferral()
        assert MigrationProgress.objects.update(heartbeat_at=TIME) == 1
        assert MigrationProgress.objects.update(status="rolled_back") == 1


def progress(**values):
    counts = {"total_records": 0, "processed_records": 0, "failed_records": 0}
    defaults = {"migration_name": "m", "table_name": "submissions", "status": "in_progress"}
    return MigrationProgress.objects.create(**counts | defaults | values)


def complete():
    return MigrationProgress.objects.update(status="completed")
