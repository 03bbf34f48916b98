"""The tables and columns of v3 as PostgreSQL's catalog has them.

Against what strategy.md and the design say: COLUMNS is written by hand from them and from nothing
else. A column is its type, then "not null" where it is, then its default.
"""

import pytest

from tests.runs import query

NOW = "timestamp with time zone not null now()"
TIME = "timestamp with time zone"
ID = "uuid not null gen_random_uuid()"
JSON = "jsonb not null '{}'::jsonb"
JSON_OR_NULL = "jsonb '{}'::jsonb"
VERSION = "character varying(20) not null '1.0.0'::character varying"
NAME = "character varying(255) not null"

COLUMNS = {
    "organizations": {
        "id": ID,
        "slug": NAME,
        "name": NAME,
        "settings": JSON_OR_NULL,
        "metadata": JSON,
        "created_at": NOW,
        "updated_at": NOW,
        "deleted_at": TIME,
    },
    "users": {
        "id": ID,
        "organization_id": "uuid not null",
        "email": NAME,
        "status": "user_status not null 'active'::user_status",
        "auth_data": JSON_OR_NULL,
        "metadata": JSON,
        "created_at": NOW,
        "updated_at": NOW,
        "deleted_at": TIME,
    },
    "plugins": {
        "id": ID,
        "organization_id": "uuid",
        "name": NAME,
        "slug": NAME,
        "version": "character varying(20) not null",
        "type": "plugin_type not null",
        "status": "plugin_status not null 'inactive'::plugin_status",
        "is_system": "boolean not null false",
        "manifest": "jsonb not null",
        "config": JSON,
        "metadata": JSON,
        "installed_at": TIME,
        "updated_at": NOW,
    },
    "forms": {
        "id": ID,
        "organization_id": "uuid not null",
        "name": NAME,
        "slug": NAME,
        "version": VERSION,
        "status": "form_status 'draft'::form_status",
        "definition": "jsonb not null",
        "metadata": JSON,
        "created_at": NOW,
        "updated_at": NOW,
        "deleted_at": TIME,
    },
    "workflows": {
        "id": ID,
        "organization_id": "uuid not null",
        "name": NAME,
        "slug": NAME,
        "version": VERSION,
        "type": "character varying(50) not null",
        "trigger_type": "workflow_trigger_type not null 'manual'::workflow_trigger_type",
        "trigger_config": JSON,
        "status": "workflow_status not null 'draft'::workflow_status",
        "is_active": "boolean not null false",
        "definition": "jsonb not null",
        "settings": JSON,
        "metadata": JSON,
        "created_at": NOW,
        "updated_at": NOW,
        "published_at": TIME,
        "deleted_at": TIME,
    },
    "submissions": {
        "id": ID,
        "organization_id": "uuid not null",
        "form_id": "uuid not null",
        "submission_number": "character varying(50) not null",
        "status": "submission_status 'draft'::submission_status",
        "data": JSON,
        "metadata": JSON,
        "created_at": NOW,
        "updated_at": NOW,
        "submitted_at": TIME,
        "deleted_at": TIME,
    },
    "events": {
        "id": ID,
        "organization_id": "uuid not null",
        "event_type": "character varying(100) not null",
        "event_version": VERSION,
        "event_timestamp": NOW,
        "aggregate_type": "aggregate_type not null",
        "aggregate_id": "uuid not null",
        "aggregate_version": "integer",
        "payload": JSON,
        "metadata": JSON,
        "correlation_id": "uuid",
        "causation_id": "uuid",
        "user_id": "uuid",
    },
    "migration_progress": {
        "id": "integer not null nextval('migration_progress_id_seq'::regclass)",
        "migration_name": NAME,
        "table_name": NAME,
        "total_records": "bigint",
        "processed_records": "bigint",
        "failed_records": "bigint",
        "started_at": NOW,
        "completed_at": TIME,
        "status": "character varying(50)",
        "error_message": "text",
        "partition": "integer not null 0",
        "last_key": "text not null ''::text",
        "batch_size": "integer",
        "fingerprint": JSON,
        "ledger": JSON,
        "heartbeat_at": TIME,
    },
    "migration_errors": {
        "id": "integer not null nextval('migration_errors_id_seq'::regclass)",
        "migration_name": NAME,
        "record_id": "character varying(255)",
        "error_message": "text",
        "error_detail": "jsonb",
        "created_at": NOW,
        "table_name": NAME,
        "v2_table": NAME,
        "severity": "character varying(20) not null",
        "code": "character varying(100) not null",
        "column_name": "character varying(255) not null ''::character varying",
        "attempts": "integer not null 1",
        "resolved_at": TIME,
        "occurrence": "integer not null 1",
        "partition": "integer not null 0",
    },
    "migration_assignments": {
        "id": "bigint not null identity",
        "migration_name": NAME,
        "table_name": NAME,
        "record_id": "uuid not null",
        "code": "character varying(100) not null",
        "value": "character varying(255)",
    },
    "migration_verifications": {
        "id": "bigint not null identity",
        "migration_name": NAME,
        "status": "character varying(20) not null",
        "sample": "bigint",
        "started_at": NOW,
        "heartbeat_at": NOW,
        "completed_at": TIME,
        "basis": JSON,
        "state": JSON,
        "report": "jsonb",
    },
    "migration_differences": {
        "id": "bigint not null identity",
        "migration_name": NAME,
        "table_name": NAME,
        "v2_table": NAME,
        "record_id": NAME,
        "kind": "character varying(20) not null",
        "column_name": "text not null ''::text",
        "v2_value": "text",
        "v3_value": "text",
        "place": "character varying(64) not null",
        "found_at": NOW,
        "resolved_at": TIME,
        "verification_id": "bigint not null",
    },
    "migration_deferrals": {
        "id": "bigint not null identity",
        "migration_name": NAME,
        "table_name": NAME,
        "kind": "character varying(20) not null",
        "name": NAME,
        "definition": "text not null",
        "deferred_at": NOW,
        "settled_at": TIME,
    },
}

pytestmark = pytest.mark.django_db


def test_the_tables_of_the_design_are_there_and_no_others():
    found = query(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace"
        " AND relname !~ '^(auth|django)_'"
    )
    assert {name for (name,) in found} == set(COLUMNS)


@pytest.mark.parametrize("table", COLUMNS)
def test_columns_have_the_type_nullability_and_default_of_the_design(table):
    found = query(
        "SELECT attname, concat_ws(' ', format_type(atttypid, atttypmod),"
        " CASE WHEN attnotnull THEN 'not null' END,"
        " CASE WHEN attidentity <> '' THEN 'identity' END, pg_get_expr(adbin, adrelid))"
        " FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [table],
    )
    assert dict(found) == COLUMNS[table]
    assert [name for name, _ in found] == list(COLUMNS[table]), "the order of the columns"
