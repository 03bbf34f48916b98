"""The admin's lists: they open, search and filter, whatever is asked of them."""

import uuid

import pytest
from django.contrib.admin import site

from forms_app.models import Form, Workflow
from organizations.models import Organization, Plugin, User
from submissions.models import Submission
from tests.factories import SubmissionFactory, UserFactory
from tests.integration.admin.rows import (
    BATCH,
    address,
    change,
    deferral,
    difference,
    finding,
    listed,
    plugin,
    progress,
    verification,
    workflow,
)
from transfer.models import (
    MigrationDeferral,
    MigrationDifference,
    MigrationError,
    MigrationProgress,
    MigrationVerification,
)

pytestmark = pytest.mark.django_db

MODELS = [
    Organization,
    User,
    Plugin,
    Form,
    Workflow,
    Submission,
    MigrationProgress,
    MigrationError,
    MigrationVerification,
    MigrationDifference,
    MigrationDeferral,
]


class TestEveryList:
    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
    def test_it_opens_empty_and_takes_any_search(self, get, model):
        for term in ("", "abc", str(uuid.uuid4()), "%", "'", "*"):
            assert get(address(model, "changelist", q=term))

    def test_it_shows_rows(self, get):
        submission = SubmissionFactory(migration_batch=BATCH)
        user = UserFactory(organization=submission.organization)
        rows = [submission, submission.form, submission.organization, user, plugin(), workflow()]
        rows += [progress(), finding(), verification(), difference(), deferral()]
        for row in rows:
            assert change(row) in listed(get, type(row))

    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
    def test_it_runs_nothing_over_many_rows_at_once_but_the_retry(self, rf, admin_user, model):
        request = rf.get("/")
        request.user = admin_user
        allowed = ["retry_selected"] if model is MigrationError else []
        assert list(site.get_model_admin(model).get_actions(request)) == allowed

    @pytest.mark.parametrize(
        "query",
        [
            {"organization": "no-id"},
            {"organization": "\0"},
            {"migration": "\0"},
            {"status__exact": "bogus"},
        ],
        ids=str,
    )
    def test_a_wrong_address_leads_back_to_the_list(self, admin_client, query):
        SubmissionFactory()
        response = admin_client.get(address(Submission, "changelist", **query))
        assert (response.status_code, response.url.rpartition("?")[2]) == (302, "e=1")
