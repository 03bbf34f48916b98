"""What can be done to records in the admin, and what cannot: migrated ones are only looked at."""

import pytest
from django.contrib.auth.models import Permission

from organizations.models import Organization
from submissions.models import Submission
from tests.factories import FormFactory, OrganizationFactory, SubmissionFactory, UserFactory
from tests.integration.admin.rows import BATCH, address, change, finding, progress
from transfer.models import MigrationError, MigrationProgress

pytestmark = pytest.mark.django_db


class TestMigratedRecords:
    """They must stay what v2 says: to be seen, and that is all."""

    FACTORIES = (OrganizationFactory, UserFactory, FormFactory, SubmissionFactory)

    @pytest.mark.parametrize("factory", FACTORIES)
    def test_their_page_has_no_way_to_save_or_delete(self, get, factory):
        row = factory(migration_batch=BATCH)
        page = get(change(row))
        assert f"Migrated by {BATCH}" in page
        assert 'name="_save"' not in page
        assert 'class="deletelink"' not in page

    @pytest.mark.parametrize("factory", FACTORIES)
    def test_a_forged_request_is_refused(self, admin_client, factory):
        row = factory(migration_batch=BATCH)
        before = type(row).objects.filter(pk=row.pk).values().get()
        posted = {"name": "x", "email": "x", "submission_number": "x", "slug": "x"}

        changed = admin_client.post(change(row), posted)
        deleted = admin_client.post(address(type(row), "delete", row.pk), {"post": "yes"})

        assert (changed.status_code, deleted.status_code) == (403, 403)
        assert type(row).objects.filter(pk=row.pk).values().get() == before

    @pytest.mark.parametrize("model", [MigrationProgress, MigrationError])
    def test_progress_and_errors_are_never_written(self, admin_client, model):
        row = progress() if model is MigrationProgress else finding()
        assert admin_client.get(address(model, "add")).status_code == 403
        assert admin_client.post(change(row), {"status": "completed"}).status_code == 403
        assert admin_client.post(address(model, "delete", row.pk)).status_code == 403
        page = admin_client.get(change(row)).content.decode()
        assert 'name="_save"' not in page


class TestOwnRecords:
    def test_v3s_own_record_is_edited_and_its_time_of_change_with_it(self, admin_client):
        row = OrganizationFactory(name="Old")
        posted = {"name": "New", "slug": row.slug, "settings": '{"a": 1}'}
        posted |= {"deleted_at_0": "", "deleted_at_1": ""}

        response = admin_client.post(change(row), posted)

        assert response.status_code == 302, response.content.decode()
        row.refresh_from_db()
        assert (row.name, row.settings) == ("New", {"a": 1})

    def test_nobody_can_make_a_record_look_migrated(self, get, admin_client):
        row = OrganizationFactory()
        assert 'name="metadata"' not in get(change(row))
        posted = {
            "name": "N",
            "slug": "n",
            "settings": "{}",
            "deleted_at_0": "",
            "deleted_at_1": "",
        }

        admin_client.post(change(row), posted | {"metadata": '{"migration_batch": "x"}'})

        row.refresh_from_db()
        assert (row.name, row.metadata) == ("N", {})

    def test_a_new_record_can_be_added(self, admin_client):
        form = FormFactory()
        posted = {
            "submission_number": "N-1",
            "form": form.pk,
            "organization": form.organization.pk,
            "status": "submitted",
            "data": '{"FullName": "Ada"}',
        }
        times = {f"{n}_at_{i}": "" for n in ("submitted", "deleted") for i in (0, 1)}

        response = admin_client.post(address(Submission, "add"), posted | times)

        assert response.status_code == 302, response.content.decode()
        assert Submission.objects.get().data == {"FullName": "Ada"}

    def test_m4_json_that_cannot_be_stored_is_refused_and_no_crash(self, admin_client):
        row = OrganizationFactory()
        posted = {"name": "N", "slug": "n", "deleted_at_0": "", "deleted_at_1": ""}

        response = admin_client.post(change(row), posted | {"settings": r'{"a": "\u0000"}'})

        assert response.status_code == 200
        assert "U+0000" in response.content.decode()

    def test_a_record_that_others_hang_on_cannot_be_deleted(self, get, admin_client):
        submission = SubmissionFactory()
        for row in (submission.organization, submission.form):
            assert 'class="deletelink"' not in get(change(row))
            url = address(type(row), "delete", row.pk)
            assert admin_client.post(url, {"post": "yes"}).status_code == 403
        url = address(Submission, "delete", submission.pk)
        assert admin_client.post(url, {"post": "yes"}).status_code == 302
        assert not Submission.objects.exists()

    def test_who_may_only_view_sees_and_does_nothing_else(self, client, django_user_model):
        reader = django_user_model.objects.create_user("reader", is_staff=True)
        reader.user_permissions.add(Permission.objects.get(codename="view_submission"))
        client.force_login(reader)
        submission = SubmissionFactory()

        assert client.get(change(submission)).status_code == 200
        assert client.post(change(submission), {}).status_code == 403
        assert client.get(address(Organization, "changelist")).status_code == 403
