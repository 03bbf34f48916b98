"""What a command loads first: its start is nearly all of a run that has nothing to do."""

import json
import subprocess
import sys

import pytest
from django.contrib import admin
from django.core import checks
from django.core.checks import Tags

from organizations.admin import OrganizationAdmin
from organizations.models import Organization

LOADED = """
import json, sys
from django.core.management import load_command_class
import django
django.setup()
load_command_class("transfer", sys.argv[1])
print(json.dumps(sorted(sys.modules)))
"""


def loaded(command: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, command], check=True, capture_output=True, text=True
    )
    return set(json.loads(done.stdout))


def test_a_finished_import_loads_nothing_that_moves_rows() -> None:
    """Nor pages, proofs, other commands and drivers."""
    started = loaded("import_v2")

    assert "transfer.importer" in started
    moving = ("source", "extract", "fetch", "work", "pipeline", "load", "deferral", "mapping.forms")
    others = ("admin", "census", "preflight", "proof", "verify", "retry", "rollback")
    assert not started & {f"transfer.{name}" for name in (*moving, *others)}
    assert not started & {"pyarrow", "mssql_python", "pyodbc", "pliers.urls"}


class Wrong(OrganizationAdmin):
    list_display = ("no_such_column",)


def test_the_pages_of_the_admin_are_checked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    admin.autodiscover()
    assert checks.run_checks(tags=[Tags.admin]) == []

    monkeypatch.setitem(admin.site._registry, Organization, Wrong(Organization, admin.site))

    assert [found.id for found in checks.run_checks(tags=[Tags.admin])] == ["admin.E108"]
