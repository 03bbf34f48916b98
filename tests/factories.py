"""Rows of v3 for tests: one call makes the row and what it has to hang on.

    submission = SubmissionFactory(migration_batch="v2_migration_2025_01_22", data={"age": "7"})

``migration_batch`` makes the row a migrated one (M2); without it the row is v3's own.
"""

from typing import Any, Generic, TypeVar

import factory
from django.db.models import Model
from factory.django import DjangoModelFactory

from forms_app.models import Form
from organizations.models import Organization, User
from submissions.models import Submission

M = TypeVar("M", bound=Model)


class MigratableFactory(DjangoModelFactory[M], Generic[M]):
    class Meta:
        abstract = True

    class Params:
        migration_batch: str | None = None

    @factory.lazy_attribute
    def metadata(self) -> dict[str, Any]:
        return {"migration_batch": self.migration_batch} if self.migration_batch else {}


class OrganizationFactory(MigratableFactory[Organization]):
    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Organization {n}")
    slug = factory.Sequence(lambda n: f"organization-{n}")


class UserFactory(MigratableFactory[User]):
    class Meta:
        model = User

    organization = factory.SubFactory(
        OrganizationFactory, migration_batch=factory.SelfAttribute("..migration_batch")
    )
    email = factory.Sequence(lambda n: f"user{n}@example.com")


class FormFactory(MigratableFactory[Form]):
    class Meta:
        model = Form

    organization = factory.SubFactory(
        OrganizationFactory, migration_batch=factory.SelfAttribute("..migration_batch")
    )
    name = factory.Sequence(lambda n: f"Form {n}")
    slug = factory.Sequence(lambda n: f"form-{n}")
    definition = factory.LazyAttribute(
        lambda form: {
            "title": form.name,
            "description": None,
            "fields": [
                {
                    "id": "11111111-1111-4111-8111-111111111111",
                    "name": "FullName",
                    "label": "Full name",
                    "type": "text",
                    "required": True,
                    "order": 1,
                    "settings": {},
                    "choices": [],
                }
            ],
        }
    )


class SubmissionFactory(MigratableFactory[Submission]):
    """A submission of a form of its own organization, unless the test names others."""

    class Meta:
        model = Submission

    form = factory.SubFactory(
        FormFactory, migration_batch=factory.SelfAttribute("..migration_batch")
    )
    organization = factory.SelfAttribute("form.organization")
    submission_number = factory.Sequence(lambda n: f"S-{n:06d}")
    data = factory.LazyFunction(lambda: {"FullName": "Ada Lovelace"})
