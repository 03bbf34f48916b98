"""R4: v2 is only ever read. Each way to write is tried, and none reaches a database."""

import asyncio
import inspect
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.db import models, router

from forms_app.models import Form
from legacy_v2.models import (
    Choice,
    Field,
    FieldChoiceMap,
    FieldSetting,
    FieldType,
    FormSubmission,
    FormSubmissionMetaData,
    FormSubmissionStatus,
    FormType,
    Organization,
    User,
)
from legacy_v2.readonly import ReadOnlyQuerySet
from legacy_v2.router import LegacyV2Router
from organizations.models import Organization as V3Organization
from transfer.exceptions import ReadOnlySourceError

GUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
MODELS = list(apps.get_app_config("legacy_v2").get_models())
ROW = Organization(id=GUID, name="Acme")

QUERYSET_WRITES: dict[str, tuple[Any, ...]] = {
    "create": (),
    "bulk_create": ([ROW],),
    "get_or_create": (),
    "update_or_create": (),
    "update": (),
    "bulk_update": ([ROW], ["name"]),
    "delete": (),
    "select_for_update": (),
    "_insert": ([ROW], []),
    "_update": ([],),
    "_raw_delete": ("v2",),
}
ASYNC_WRITES = {
    "acreate": (),
    "abulk_create": ([ROW],),
    "aget_or_create": (),
    "aupdate_or_create": (),
    "aupdate": (),
    "abulk_update": ([ROW], ["name"]),
    "adelete": (),
}


@pytest.mark.parametrize("method", QUERYSET_WRITES)
def test_r4_the_queryset_refuses(method: str) -> None:
    with pytest.raises(ReadOnlySourceError, match=r"v2 is only ever read .*v3 model"):
        getattr(Organization.objects.all(), method)(*QUERYSET_WRITES[method])


@pytest.mark.parametrize("method", sorted(QUERYSET_WRITES.keys() - {"delete", "_raw_delete"}))
def test_r4_the_manager_refuses(method: str) -> None:
    with pytest.raises(ReadOnlySourceError, match=f"Organization.objects.{method}"):
        getattr(Organization.objects, method)(*QUERYSET_WRITES[method])


@pytest.mark.parametrize("method", ASYNC_WRITES)
def test_r4_the_asynchronous_twins_refuse(method: str) -> None:
    with pytest.raises(ReadOnlySourceError):
        asyncio.run(getattr(Organization.objects.all(), method)(*ASYNC_WRITES[method]))


def test_r4_no_way_to_write_is_forgotten() -> None:
    """A method Django marks as altering data, or a twin of one, is refused by name."""
    writers = {
        name
        for name, member in inspect.getmembers(models.QuerySet)
        if getattr(member, "alters_data", False) or name.startswith(("bulk_", "update"))
    }
    covered = QUERYSET_WRITES.keys() | ASYNC_WRITES.keys()
    assert writers <= covered
    assert all(name in vars(ReadOnlyQuerySet) for name in QUERYSET_WRITES)


@pytest.mark.parametrize("method", ["save", "save_base", "delete"])
def test_r4_the_model_refuses(method: str) -> None:
    with pytest.raises(ReadOnlySourceError, match=f"Organization.{method}.. of {GUID}"):
        getattr(ROW, method)()


@pytest.mark.parametrize("method", ["asave", "adelete"])
def test_r4_the_model_refuses_asynchronously(method: str) -> None:
    with pytest.raises(ReadOnlySourceError, match=method):
        asyncio.run(getattr(ROW, method)())


def test_r4_a_fixture_is_refused() -> None:
    document = [{"model": "legacy_v2.organization", "pk": GUID, "fields": {"name": "Acme"}}]
    (item,) = serializers.deserialize("python", document)
    with pytest.raises(ReadOnlySourceError):
        item.save()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_r4_every_model_is_unmanaged_and_read_only(model: type[models.Model]) -> None:
    assert not model._meta.managed
    for manager in (model._default_manager, model._base_manager):
        with pytest.raises(ReadOnlySourceError):
            manager.update()


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (ROW, "Acme"),
        (User(id=GUID, email="pat@example.org"), "pat@example.org"),
        (User(id=GUID), GUID),
        (FieldType(name="TextBox"), "TextBox"),
        (FormType(name="leave", display_name="Leave"), "Leave"),
        (FormType(name="leave"), "leave"),
        (Field(name="from"), "from"),
        (FieldSetting(name="MaxLength", stored_value="9"), "MaxLength=9"),
        (Choice(id=GUID), GUID),
        (FieldChoiceMap(choice_id="c", field_id="f"), "c of f"),
        (FormSubmissionStatus(name="Draft"), "Draft"),
        (FormSubmission(id=GUID, lookup_code="L-1"), "L-1"),
        (FormSubmissionMetaData(field_id="f", form_submission_id="s"), "f of s"),
    ],
)
def test_a_row_shows_what_a_person_knows_it_by(row: models.Model, shown: str) -> None:
    assert str(row) == shown


def test_there_is_a_model_for_every_table() -> None:
    assert [model._meta.db_table for model in MODELS] == [
        "Organization",
        "User",
        "FieldType",
        "FormType",
        "Field",
        "FieldSetting",
        "Choice",
        "Field_Choice_Map",
        "FormSubmissionStatus",
        "FormSubmission",
        "FormSubmissionMetaData",
    ]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_r4_the_router_reads_from_v2_and_writes_nowhere(model: type[models.Model]) -> None:
    assert router.db_for_read(model) == "v2"
    with pytest.raises(ReadOnlySourceError, match="Change the record in v2"):
        router.db_for_write(model)


def test_the_router_has_no_opinion_about_v3() -> None:
    assert LegacyV2Router().db_for_read(V3Organization) is None
    assert LegacyV2Router().db_for_write(V3Organization) is None
    assert router.db_for_write(V3Organization) == "default"


@pytest.mark.parametrize(
    ("db", "app_label", "allowed"),
    [
        ("v2", "organizations", False),
        ("v2", "legacy_v2", False),
        ("v2", "auth", False),
        ("default", "legacy_v2", False),
        ("default", "organizations", None),
    ],
)
def test_no_migration_goes_to_v2(db: str, app_label: str, allowed: bool | None) -> None:
    assert LegacyV2Router().allow_migrate(db, app_label) is allowed


def test_no_row_of_v2_is_related_to_one_of_v3() -> None:
    allow = LegacyV2Router().allow_relation
    assert allow(FormSubmission(), FormType()) is True
    assert allow(FormSubmission(), V3Organization()) is False
    assert allow(V3Organization(), User()) is False
    assert allow(Form(), V3Organization()) is None
