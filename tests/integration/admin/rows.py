"""Rows to look at in the admin, and where its pages are."""

import uuid

from django.urls import reverse

from forms_app.models import Workflow
from organizations.models import Plugin
from tests.factories import OrganizationFactory
from transfer.models import MigrationError, MigrationProgress

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
