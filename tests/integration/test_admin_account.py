"""The admin's account and address: what ``make admin`` does before it serves."""

import socket
from io import StringIO

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from pliers.management.commands.serve_admin import HOST, first_free_port


def create_admin() -> str:
    out = StringIO()
    call_command("create_admin", stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_the_password_is_printed_once_and_opens_the_admin(client):
    said = create_admin()
    password = said.partition("password: ")[2].split()[0]

    user = authenticate(username="admin", password=password)

    assert user is not None
    assert user.is_superuser
    assert client.login(username="admin", password=password)
    assert client.get("/", follow=True).redirect_chain[0][0] == "/admin/"


@pytest.mark.django_db
def test_an_account_that_exists_is_left_alone(client):
    create_admin()
    before = get_user_model().objects.get().password

    said = create_admin()

    assert "shown only this once" not in said
    assert "changepassword admin" in said
    assert get_user_model().objects.get().password == before


@pytest.mark.django_db
def test_without_v3s_tables_it_says_to_migrate():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE auth_user RENAME TO gone")
    with pytest.raises(CommandError, match=r"run python manage\.py migrate"):
        create_admin()


def test_a_port_that_is_taken_is_passed_over():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert first_free_port(port) > port
    assert first_free_port(port) == port


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_what_is_no_port_is_refused(port):
    with pytest.raises(CommandError, match="between 1 and 65535"):
        first_free_port(port)
