"""A plain importer, as one writes it in an afternoon: the ORM reads, bulk_create writes.

A program of its own: it finds v2 and v3 in the project's settings. It has what the first look at v3
would miss (names, numbers, states, times, answers by text and by choice, lists), and nothing else:
no checks, no books, no resuming, no word on what does not fit.
"""

import os
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pliers.settings")
django.setup()

from forms_app.models import Form  # noqa: E402 - Django has to be set up before
from legacy_v2 import models as v2  # noqa: E402 - as above
from organizations.models import Organization, User  # noqa: E402 - as above
from submissions.models import Submission  # noqa: E402 - as above

BATCH = 1000


def import_all() -> None:
    """Import every table, the small ones first."""
    Organization.objects.bulk_create(
        Organization(
            id=o.id, name=o.name, slug=o.name.lower().replace(" ", "-"),
            settings={"legacy_id": o.id}, created_at=utc(o.created_on),
        )
        for o in v2.Organization.objects.all()
    )  # fmt: skip
    User.objects.bulk_create(
        User(
            id=u.id, organization_id=u.organization_id, email=u.email,
            status="active" if u.is_active else "inactive", created_at=utc(u.created_on),
            auth_data={"user_name": u.user_name, "first_name": u.first_name,
                       "last_name": u.last_name, "legacy_id": u.id},
        )
        for u in v2.User.objects.all()
    )  # fmt: skip
    forms = {form.id: form for form in v2.FormType.objects.all()}
    fields = {field.id: field for field in v2.Field.objects.order_by("sort_order")}
    Form.objects.bulk_create(form(one, fields) for one in forms.values())
    choices = {m.id: m.choice.display_name for m in v2.FieldChoiceMap.objects.select_related()}
    states = {state.id: state.name.lower() for state in v2.FormSubmissionStatus.objects.all()}
    rows = v2.FormSubmission.objects.iterator(chunk_size=BATCH)
    while batch := list(islice(rows, BATCH)):
        data: dict[str, dict[str, Any]] = {row.id: {} for row in batch}
        for answer in v2.FormSubmissionMetaData.objects.filter(form_submission__in=data):
            value = answer.free_form_entry or choices.get(answer.field_choice_map_id)
            own, name = data[answer.form_submission_id], fields[answer.field_id].name
            own[name] = value if name not in own else [*as_list(own[name]), value]
        Submission.objects.bulk_create(
            Submission(
                id=row.id, form_id=row.form_type_id, submission_number=row.lookup_code,
                organization_id=row.organization_id or forms[row.form_type_id].organization_id,
                status=states[row.form_submission_status_id], data=data[row.id],
                created_at=utc(row.created_on), metadata={"migration_batch": "plain"},
                submitted_at=utc(row.last_updated_on or row.created_on),
            )
            for row in batch
        )  # fmt: skip


def form(one: v2.FormType, fields: dict[str, v2.Field]) -> Form:
    """A form with its fields; types, settings and choices are left for another afternoon."""
    own = [f for f in fields.values() if f.form_type_id == one.id]
    definition = {
        "title": one.display_name,
        "fields": [{"id": f.id, "name": f.name, "label": f.display_name} for f in own],
    }
    return Form(
        id=one.id, organization_id=one.organization_id, name=one.display_name or one.name,
        slug=one.name.lower(), definition=definition, created_at=utc(one.created_on),
    )  # fmt: skip


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 - an answer, or several
    """A list of what is one value or a list already."""
    return value if isinstance(value, list) else [value]


def utc(time: datetime) -> datetime:
    """v2's time with a zone."""
    return time.replace(tzinfo=UTC)


if __name__ == "__main__":
    import_all()
