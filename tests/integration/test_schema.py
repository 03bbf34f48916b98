"""The keys, indexes, types and triggers of v3 as PostgreSQL's catalog has them.

Against what strategy.md and the design say: the expected are written by hand from them and from
nothing else, in PostgreSQL's own words. The columns are in test_schema_columns.py.
"""

import pytest

from tests.runs import query

# Primary, unique and foreign keys; checks are proved by what they refuse (test_schema_rules.py).
TO_ORGANIZATION = "FOREIGN KEY (organization_id) REFERENCES organizations(id)"
KEYS = {
    "organizations": {
        "organizations_pkey": "PRIMARY KEY (id)",
        "organizations_slug_key": "UNIQUE (slug)",
    },
    "users": {
        "users_pkey": "PRIMARY KEY (id)",
        "unique_email_per_org": "UNIQUE (organization_id, email)",
        "users_organization_id_fkey": TO_ORGANIZATION,
    },
    "plugins": {
        "plugins_pkey": "PRIMARY KEY (id)",
        "plugins_slug_key": "UNIQUE (slug)",
        "plugins_organization_id_fkey": TO_ORGANIZATION,
    },
    "forms": {
        "forms_pkey": "PRIMARY KEY (id)",
        "unique_form_slug_per_org": "UNIQUE (organization_id, slug, version)",
        "forms_organization_id_fkey": TO_ORGANIZATION,
    },
    "workflows": {
        "workflows_pkey": "PRIMARY KEY (id)",
        "unique_workflow_slug_per_org": "UNIQUE (organization_id, slug, version)",
        "workflows_organization_id_fkey": TO_ORGANIZATION,
    },
    "submissions": {
        "submissions_pkey": "PRIMARY KEY (id)",
        "unique_submission_number": "UNIQUE (organization_id, submission_number)",
        "submissions_organization_id_fkey": TO_ORGANIZATION,
        "submissions_form_id_fkey": "FOREIGN KEY (form_id) REFERENCES forms(id)",
    },
    "events": {
        "events_pkey": "PRIMARY KEY (id, event_timestamp)",
        "events_organization_id_fkey": TO_ORGANIZATION,
        "events_user_id_fkey": "FOREIGN KEY (user_id) REFERENCES users(id)",
    },
    "migration_progress": {
        "migration_progress_pkey": "PRIMARY KEY (id)",
        "migration_progress_migration_name_table_name_partition_key": (
            "UNIQUE (migration_name, table_name, partition)"
        ),
    },
    "migration_errors": {"migration_errors_pkey": "PRIMARY KEY (id)"},
    "migration_assignments": {
        "migration_assignments_pkey": "PRIMARY KEY (id)",
        "migration_assignments_record_key": "UNIQUE (migration_name, table_name, record_id)",
    },
    "migration_verifications": {"migration_verifications_pkey": "PRIMARY KEY (id)"},
    "migration_differences": {
        "migration_differences_pkey": "PRIMARY KEY (id)",
        "migration_differences_verification_id_fkey": (
            "FOREIGN KEY (verification_id) REFERENCES migration_verifications(id)"
        ),
    },
    "migration_deferrals": {"migration_deferrals_pkey": "PRIMARY KEY (id)"},
}
CHECKS = {
    "migration_progress_status_check",
    "migration_progress_partition_check",
    "migration_progress_accounted_check",
    "migration_progress_ledger_check",
    "migration_errors_severity_check",
    "migration_verifications_status_check",
    "migration_verifications_report_check",
    "migration_differences_kind_check",
    "migration_deferrals_kind_check",
}
# Besides those that serve the keys. No _like twin, no index for a foreign key that Django adds.
INDEXES = {
    "idx_forms_organization": "forms USING btree (organization_id) WHERE (deleted_at IS NULL)",
    "idx_submissions_form": "submissions USING btree (form_id)",
    "idx_submissions_status": "submissions USING btree (status) WHERE (deleted_at IS NULL)",
    **{
        f"idx_{table}_migration_batch": (
            f"{table} USING btree (((metadata ->> 'migration_batch'::text)))"
            " WHERE ((metadata ->> 'migration_batch'::text) IS NOT NULL)"
        )
        for table in ("organizations", "users", "forms", "submissions")
    },
    "idx_migration_errors_cause": ("migration_errors USING btree (migration_name, severity, code)"),
    "idx_migration_errors_record": (
        "migration_errors USING btree (migration_name, table_name, record_id)"
    ),
    "idx_migration_verifications": (
        "migration_verifications USING btree (migration_name, started_at)"
    ),
    "idx_migration_differences_run": "migration_differences USING btree (verification_id)",
}
# Unique keys with a condition are no constraints to PostgreSQL.
UNIQUE_INDEXES = {
    "migration_errors_fault_key": (
        "migration_errors USING btree (migration_name, table_name, v2_table, record_id, code,"
        " column_name, occurrence) WHERE (resolved_at IS NULL)"
    ),
    "migration_verifications_one_in_progress": (
        "migration_verifications USING btree (migration_name)"
        " WHERE ((status)::text = 'in_progress'::text)"
    ),
    "migration_differences_place_key": (
        "migration_differences USING btree (migration_name, table_name, record_id, place)"
        " WHERE (resolved_at IS NULL)"
    ),
    "migration_deferrals_open_key": (
        "migration_deferrals USING btree (migration_name, table_name, name)"
        " WHERE (settled_at IS NULL)"
    ),
}
ENUMS = {
    "user_status": ["active", "inactive", "suspended", "pending", "deleted"],
    "form_status": ["draft", "published", "deprecated", "archived"],
    "submission_status": [
        "draft",
        "submitted",
        "processing",
        "approved",
        "rejected",
        "completed",
        "archived",
    ],
    "workflow_status": ["draft", "published", "deprecated", "archived"],
    "workflow_trigger_type": ["manual", "form_submission", "event", "schedule", "webhook"],
    "plugin_type": ["field", "action", "integration", "validation", "transformation"],
    "plugin_status": ["active", "inactive", "error", "updating"],
    "aggregate_type": ["form", "submission", "workflow", "user", "organization"],
}
WITH_UPDATED_AT = ("organizations", "users", "plugins", "forms", "workflows", "submissions")
TRIGGERS = {
    **{
        f"update_{table}_updated_at": (
            f"BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION update_updated_at()"
        )
        for table in WITH_UPDATED_AT
    },
    **{
        f"keep_{table}_updated_at": (
            f"BEFORE UPDATE OF updated_at ON {table} FOR EACH ROW"
            " WHEN ((new.updated_at = old.updated_at)) EXECUTE FUNCTION keep_updated_at()"
        )
        for table in WITH_UPDATED_AT
    },
    "migration_progress_transition": (
        "BEFORE UPDATE OF status ON migration_progress FOR EACH ROW"
        " EXECUTE FUNCTION check_migration_transition()"
    ),
    "migration_progress_settled": (
        "BEFORE UPDATE OF status ON migration_progress FOR EACH ROW WHEN"
        " ((((new.status)::text = 'completed'::text) AND ((old.status)::text"
        " IS DISTINCT FROM 'completed'::text) AND (new.partition = 0)))"
        " EXECUTE FUNCTION check_migration_settled()"
    ),
    "migration_progress_ranges": (
        "BEFORE UPDATE OF status ON migration_progress FOR EACH ROW WHEN"
        " ((((new.status)::text = 'completed'::text) AND ((old.status)::text"
        " IS DISTINCT FROM 'completed'::text) AND (new.partition = 0)))"
        " EXECUTE FUNCTION check_migration_ranges()"
    ),
    "migration_verifications_transition": (
        "BEFORE UPDATE OF status ON migration_verifications FOR EACH ROW"
        " EXECUTE FUNCTION check_verification_transition()"
    ),
}

pytestmark = pytest.mark.django_db


def plain(sql):
    """Return PostgreSQL's words for a thing without the schema, which a test need not know."""
    return sql.replace("public.", "")


@pytest.mark.parametrize("table", KEYS)
def test_keys_have_the_names_of_the_design_and_none_is_deferrable(table):
    found = query(
        "SELECT conname, pg_get_constraintdef(oid), condeferrable, convalidated"
        " FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'f')",
        [table],
    )
    assert {name: plain(definition) for name, definition, _, _ in found} == KEYS[table]
    assert all(not deferrable and validated for _, _, deferrable, validated in found)


def test_no_table_has_a_check_or_exclusion_the_design_does_not_know():
    # 'n' is NOT NULL, which only PostgreSQL 18 lists; 't' a constraint trigger.
    found = query(
        "SELECT conname FROM pg_constraint JOIN pg_class c ON c.oid = conrelid"
        " WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'x', 't')"
        " AND relname !~ '^(auth|django)_'"
    )
    assert {name for (name,) in found} == CHECKS


def test_indexes_beside_the_keys_are_those_of_the_design():
    found = query(
        "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid"
        " WHERE t.relnamespace = 'public'::regnamespace AND t.relname !~ '^(auth|django)_'"
        " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid"
        "   AND contype IN ('p', 'u'))"
    )
    expected = {name: f"CREATE INDEX {name} ON {rest}" for name, rest in INDEXES.items()}
    expected |= {
        name: f"CREATE UNIQUE INDEX {name} ON {rest}" for name, rest in UNIQUE_INDEXES.items()
    }
    assert {name: plain(definition) for name, definition in found} == expected


def test_enum_types_have_the_labels_of_the_design_in_its_order():
    found = query(
        "SELECT typname, array_agg(enumlabel::text ORDER BY enumsortorder)"
        " FROM pg_enum JOIN pg_type t ON t.oid = enumtypid GROUP BY typname"
    )
    assert dict(found) == ENUMS


def test_triggers_have_the_names_of_the_design():
    found = query("SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal")
    expected = {name: f"CREATE TRIGGER {name} {rest}" for name, rest in TRIGGERS.items()}
    assert {name: plain(definition) for name, definition in found} == expected


def test_the_sequences_are_those_of_the_design():
    found = query(
        "SELECT relname FROM pg_class WHERE relkind = 'S'"
        " AND relnamespace = 'public'::regnamespace AND relname !~ '^(auth|django)_'"
    )
    assert {name for (name,) in found} == {
        "submission_number_seq",
        "migration_progress_id_seq",
        "migration_errors_id_seq",
        "migration_assignments_id_seq",
        "migration_verifications_id_seq",
        "migration_differences_id_seq",
        "migration_deferrals_id_seq",
    }


def test_events_are_partitioned_by_the_time_they_happened():
    [(key,)] = query("SELECT pg_get_partkeydef('events'::regclass)")
    assert key == "RANGE (event_timestamp)"
