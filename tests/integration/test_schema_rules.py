"""What the v3 tables do by themselves: defaults, updated_at, checks, transitions, partitions."""

import uuid
from datetime import UTC, date, datetime
from itertools import product

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Cast

from forms_app.models import Form
from organizations.models import Organization, User
from submissions.models import Event, Submission
from submissions.partitions import ensure_events_partition
from tests.factories import FormFactory, OrganizationFactory, SubmissionFactory, UserFactory
from transfer.models import TRANSITIONS, MigrationError, MigrationProgress, RunStatus

pytestmark = pytest.mark.django_db

V2_TIME = datetime(2019, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)


def execute(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def aged(factory, **values):
    """Make a row whose updated_at is of long ago, as a migrated one's is."""
    row = factory(**values)
    type(row).objects.filter(pk=row.pk).update(updated_at=V2_TIME)
    return row


def updated_at(row):
    return type(row).objects.values_list("updated_at", flat=True).get(pk=row.pk)


class TestUpdatedAt:
    @pytest.mark.parametrize(
        "factory", [OrganizationFactory, UserFactory, FormFactory, SubmissionFactory]
    )
    def test_an_update_that_does_not_name_it_sets_it(self, factory):
        row = aged(factory)

        type(row).objects.filter(pk=row.pk).update(metadata={"seen": True})

        [(now,)] = execute("SELECT now()")
        assert updated_at(row) == now

    def test_an_update_that_sets_another_time_keeps_that_time(self):
        row = aged(OrganizationFactory)
        other = datetime(2020, 1, 1, tzinfo=UTC)

        execute("UPDATE organizations SET name = 'x', updated_at = %s", other)

        assert updated_at(row) == other

    def test_an_update_that_sets_the_time_it_has_keeps_it(self):
        # A row repaired by retry or sync keeps v2's time, though the time itself did not change.
        row = aged(SubmissionFactory)

        execute("UPDATE submissions SET data = '{}', updated_at = %s", V2_TIME)

        assert updated_at(row) == V2_TIME

    def test_an_upsert_that_brings_the_time_it_has_keeps_it(self):
        row = aged(OrganizationFactory)

        execute(
            "INSERT INTO organizations (id, slug, name, updated_at) VALUES (%s, 's', 'n', %s)"
            " ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
            " updated_at = excluded.updated_at",
            row.pk,
            V2_TIME,
        )

        assert Organization.objects.get(pk=row.pk).name == "n"
        assert updated_at(row) == V2_TIME

    def test_saving_an_object_counts_as_a_change(self):
        row = aged(OrganizationFactory)
        loaded = Organization.objects.get(pk=row.pk)

        loaded.name = "Renamed"
        loaded.save()

        assert updated_at(row) > V2_TIME

    def test_an_inserted_time_is_taken_as_it_is(self):
        assert updated_at(OrganizationFactory(updated_at=V2_TIME)) == V2_TIME

    def test_null_is_refused(self):
        aged(OrganizationFactory)
        with pytest.raises(IntegrityError), transaction.atomic():
            execute("UPDATE organizations SET updated_at = NULL")


class TestDefaults:
    def test_a_row_needs_no_more_than_what_has_no_default(self):
        execute("INSERT INTO organizations (slug, name) VALUES ('acme', 'Acme')")
        execute(
            "INSERT INTO users (organization_id, email) SELECT id, 'a@example.com'"
            " FROM organizations"
        )
        execute(
            "INSERT INTO forms (organization_id, name, slug, definition)"
            " SELECT id, 'F', 'f', '{}' FROM organizations"
        )
        execute(
            "INSERT INTO submissions (organization_id, form_id, submission_number)"
            " SELECT organization_id, id, '1' FROM forms"
        )

        [(now,)] = execute("SELECT now()")
        organization = Organization.objects.get()
        assert (organization.settings, organization.metadata) == ({}, {})
        assert (organization.created_at, organization.updated_at) == (now, now)
        assert User.objects.get().status == "active"
        assert (Form.objects.get().status, Form.objects.get().version) == ("draft", "1.0.0")
        submission = Submission.objects.get()
        assert (submission.status, submission.data, submission.submitted_at) == ("draft", {}, None)

    def test_the_orm_leaves_them_to_the_database_too(self):
        [(now,)] = execute("SELECT now()")
        assert OrganizationFactory().created_at == now


class TestEnums:
    def test_rows_are_filtered_by_label(self):
        SubmissionFactory(status="approved")
        SubmissionFactory(status="draft")

        assert Submission.objects.filter(status="approved").count() == 1
        assert Submission.objects.filter(status__in=["approved", "draft"]).count() == 2
        assert Submission.objects.filter(status__icontains="APPRO").count() == 1
        assert Submission.objects.filter(status__icontains="no such").count() == 0

    def test_an_unknown_label_in_a_filter_is_refused_before_it_reaches_the_server(self):
        with pytest.raises(ValidationError, match="bogus"):
            Submission.objects.filter(status="bogus").exists()
        assert Submission.objects.count() == 0, "the transaction is still good"

    def test_an_unknown_label_is_not_saved(self):
        with pytest.raises(ValidationError, match="bogus"):
            SubmissionFactory(status="bogus")

    def test_the_type_itself_refuses_an_unknown_label(self):
        SubmissionFactory()
        with pytest.raises(DataError), transaction.atomic():
            execute("UPDATE submissions SET status = 'bogus'")

    def test_a_case_can_be_written_to_the_column(self):
        for status in ("draft", "approved"):
            SubmissionFactory(status=status)

        Submission.objects.update(
            status=Case(When(status="draft", then=Value("submitted")), default=Value("archived"))
        )

        assert set(Submission.objects.values_list("status", flat=True)) == {
            "submitted",
            "archived",
        }

    def test_a_case_compared_with_the_column_takes_a_cast(self):
        SubmissionFactory(status="draft")
        label = Case(When(data__isnull=False, then=Value("draft")), default=Value("archived"))

        found = Submission.objects.filter(
            status=Cast(label, output_field=Submission._meta.get_field("status"))
        )

        assert found.count() == 1

    def test_many_rows_go_in_and_are_changed_at_once(self):
        form = FormFactory()
        Submission.objects.bulk_create(
            Submission(
                organization=form.organization, form=form, submission_number=n, status="draft"
            )
            for n in "12"
        )
        rows = list(Submission.objects.all())
        for row in rows:
            row.status = "completed"
        Submission.objects.bulk_update(rows, ["status"])

        assert Submission.objects.filter(status="completed").count() == 2


class TestForeignKeys:
    def test_a_row_without_its_parent_is_refused_by_the_statement_itself(self):
        # Not at COMMIT, where nobody could tell which row of a batch it was.
        organization = OrganizationFactory()
        with pytest.raises(IntegrityError, match="submissions_form_id_fkey"), transaction.atomic():
            Submission.objects.create(
                organization=organization, form_id=uuid.uuid4(), submission_number="1"
            )

    def test_a_parent_with_children_stays(self):
        organization = UserFactory().organization
        with pytest.raises(IntegrityError, match="users_organization_id_fkey"):
            execute("DELETE FROM organizations WHERE id = %s", organization.pk)


def progress(**values):
    defaults = {"migration_name": "m", "table_name": "forms", "status": "in_progress"}
    return MigrationProgress.objects.create(**defaults | values)


class TestMigrationProgress:
    @pytest.mark.parametrize(("before", "after"), list(product(RunStatus, RunStatus)))
    def test_the_database_allows_the_transitions_the_engine_knows_and_no_others(
        self, before, after
    ):
        progress(status=before, total_records=1, processed_records=1, failed_records=0)
        refused = ""
        try:
            with transaction.atomic():
                MigrationProgress.objects.update(status=after)
        except IntegrityError as error:
            refused = str(error)

        assert (refused == "") == (after in TRANSITIONS[before])
        assert refused == "" or f"from {before} to {after}" in refused

    def test_every_state_has_an_entry_in_the_table_of_transitions(self):
        assert set(TRANSITIONS) == set(RunStatus)

    def test_a_finished_run_can_be_written_to_as_long_as_its_state_is_not_named(self):
        progress(status="completed", total_records=0, processed_records=0, failed_records=0)
        assert MigrationProgress.objects.update(ledger={"answers": {}}) == 1

    def test_a_state_cannot_be_taken_away(self):
        progress()
        with pytest.raises(IntegrityError, match="no status"):
            MigrationProgress.objects.update(status=None)

    def test_an_unknown_state_is_refused(self):
        with pytest.raises(IntegrityError, match="migration_progress_status_check"):
            progress(status="bogus")

    @pytest.mark.parametrize(
        ("total", "processed", "failed"), [(3, 2, 0), (3, 3, 1), (None, 3, 0), (3, None, 3)]
    )
    def test_r1_a_run_is_not_completed_with_records_unaccounted_for(self, total, processed, failed):
        row = progress(total_records=total, processed_records=processed, failed_records=failed)
        with pytest.raises(IntegrityError, match="migration_progress_accounted_check"):
            MigrationProgress.objects.filter(pk=row.pk).update(status="completed")

    def test_r1_a_run_is_completed_when_processed_and_failed_make_the_total(self):
        row = progress(total_records=3, processed_records=2, failed_records=1)
        assert MigrationProgress.objects.filter(pk=row.pk).update(status="completed") == 1

    def test_a_migration_has_one_row_for_a_table_and_partition(self):
        progress(partition=0)
        progress(partition=1)
        with pytest.raises(IntegrityError, match="table_name_partition_key"):
            progress(partition=1)

    def test_serial_keys_come_from_their_sequence_also_in_bulk(self):
        first, second = MigrationError.objects.bulk_create(
            MigrationError(
                migration_name="m",
                table_name="forms",
                v2_table="FormType",
                severity="error",
                code="organization_unknown",
            )
            for _ in range(2)
        )
        assert second.pk == first.pk + 1

    def test_a_finding_is_an_error_or_a_warning(self):
        with pytest.raises(IntegrityError, match="migration_errors_severity_check"):
            MigrationError.objects.create(
                migration_name="m", table_name="f", v2_table="F", severity="note", code="c"
            )


def event(timestamp):
    return Event.objects.create(
        organization=OrganizationFactory(),
        event_type="submission.created",
        event_timestamp=timestamp,
        aggregate_type="submission",
        aggregate_id=uuid.uuid4(),
    )


def partition_of(row):
    [(name,)] = execute("SELECT tableoid::regclass::text FROM events WHERE id = %s", row.id)
    return name


class TestEventPartitions:
    def test_an_event_of_today_has_a_partition_from_the_start(self):
        today = datetime.now(UTC)
        assert partition_of(event(today)) == f"events_{today:%Y_%m}"

    def test_a_month_without_a_partition_refuses_its_events(self):
        # No default partition: rows in it would block adding their month later.
        with pytest.raises(IntegrityError, match="no partition"):
            event(datetime(1999, 12, 31, 12, tzinfo=UTC))

    def test_a_partition_holds_its_month_from_the_first_moment_to_the_last(self):
        assert ensure_events_partition(date(2000, 2, 29)) == "events_2000_02"
        assert ensure_events_partition(date(1999, 12, 1)) == "events_1999_12"

        first = event(datetime(2000, 2, 1, tzinfo=UTC))
        last = event(datetime(2000, 2, 29, 23, 59, 59, 999999, tzinfo=UTC))
        end_of_year = event(datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC))

        assert [partition_of(e) for e in (first, last, end_of_year)] == [
            "events_2000_02",
            "events_2000_02",
            "events_1999_12",
        ]
        assert Event.objects.get(pk=first.pk).event_version == "1.0.0"

    def test_months_are_utcs_whatever_the_session_says(self):
        execute("SET LOCAL timezone = 'Pacific/Auckland'")
        execute("SET LOCAL datestyle = 'SQL, DMY'")
        ensure_events_partition(date(2001, 7, 15))
        execute("SET LOCAL datestyle = 'ISO'")  # psycopg reads no other
        assert partition_of(event(datetime(2001, 7, 31, 23, 30, tzinfo=UTC))) == "events_2001_07"

    def test_making_a_partition_twice_is_no_error(self):
        assert ensure_events_partition(date(2000, 3, 1)) == ensure_events_partition(
            date(2000, 3, 31)
        )


def test_a_migrated_row_knows_its_migration():
    assert OrganizationFactory().migration_batch is None
    assert OrganizationFactory(migration_batch="m1").migration_batch == "m1"
    submission = SubmissionFactory(migration_batch="m1")
    assert {submission.migration_batch, submission.form.migration_batch} == {"m1"}
    assert Submission.objects.filter(metadata__migration_batch="m1").exists()
    assert not Submission.objects.exclude(organization=F("form__organization")).exists()
