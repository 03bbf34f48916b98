"""Rows to look at in the admin, and where its pages are."""

import uuid

from django.urls import reverse

from forms_app.models import Workflow
from organizations.models import Plugin
from tests.factories import OrganizationFactory
from tests.verify_documents import failed
from transfer.models import (
    MigrationDeferral,
    MigrationDifference,
    MigrationError,
    MigrationProgress,
    MigrationVerification,
)

BATCH = "v2_migration_2025_01_22"


def address(model, page, *args, **query):
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args, query=query)


def change(row):
    return address(type(row), "change", row.pk)


def listed(get, model, **query):
    """Return the text of the result list's rows."""
    page = get(address(model, "changelist", **query))
    return page.partition('<table id="result_list">')[2].partition("</table>")[0]


def plugin(**values):
    defaults = {"name": "Maps", "slug": "maps", "version": "1", "type": "field", "manifest": {}}
    return Plugin.objects.create(**defaults | values)


def workflow(**values):
    organization = OrganizationFactory()
    defaults = {"organization": organization, "name": "Mail", "slug": "m", "type": "t"}
    return Workflow.objects.create(**defaults | {"definition": {}} | values)


def progress(**values):
    defaults = {
        "migration_name": BATCH,
        "table_name": "submissions",
        "status": "in_progress",
        "total_records": 2000,
        "processed_records": 990,
        "failed_records": 9,
    }
    return MigrationProgress.objects.create(**defaults | values)


def finding(**values):
    defaults = {
        "migration_name": BATCH,
        "table_name": "submissions",
        "v2_table": "FormSubmission",
        "record_id": str(uuid.uuid4()),
        "severity": "error",
        "code": "form_unknown",
        "error_message": "form 'x' is not in v3",
        "error_detail": {"LookupCode": "<b>"},
    }
    return MigrationError.objects.create(**defaults | values)


def verification(**values):
    defaults = {
        "migration_name": BATCH,
        "status": "completed",
        "completed_at": "2025-01-22 23:15Z",
        "report": failed(migration=BATCH),
    }
    return MigrationVerification.objects.create(**defaults | values)


def difference(**values):
    if "verification" not in values:
        values["verification"] = MigrationVerification.objects.last() or verification()
    defaults = {
        "migration_name": BATCH,
        "table_name": "submissions",
        "v2_table": "FormSubmission",
        "record_id": str(uuid.uuid4()),
        "kind": "different",
        "column_name": "data[FullName]",
        "v2_value": '"Ada"',
        "v3_value": '"Adi"',
        "place": uuid.uuid4().hex,
    }
    return MigrationDifference.objects.create(**defaults | values)


def deferral(**values):
    defaults = {
        "migration_name": BATCH,
        "table_name": "submissions",
        "kind": "index",
        "name": "idx_submissions_form",
        "definition": "CREATE INDEX idx_submissions_form ON submissions USING btree (form_id)",
    }
    return MigrationDeferral.objects.create(**defaults | values)
