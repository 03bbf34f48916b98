"""The admin as a person meets it: in a real browser, with its styles and scripts."""

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.urls import reverse

from tests.browser import Browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def browser(tmp_path):
    with Browser(tmp_path / "profile") as browser:
        yield browser


def test_a_person_logs_in_and_finds_every_list(browser, live_server):
    get_user_model().objects.create_superuser(username="admin", password="opensesame")

    browser.open(f"{live_server.url}/")
    assert browser.ask("location.pathname") == reverse("admin:login")
    browser.ask("document.querySelector('#id_username').value = 'admin'")
    browser.ask("document.querySelector('#id_password').value = 'opensesame'")
    browser.do("document.querySelector('#login-form').submit()")

    assert browser.ask("location.pathname") == reverse("admin:index")
    header = "getComputedStyle(document.querySelector('#header')).backgroundColor"
    assert browser.ask(header) != "rgba(0, 0, 0, 0)", "the page came without its styles"
    lists = [
        reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
        for model in admin.site._registry
    ]
    linked = browser.ask("[...document.querySelectorAll('#content a')].map(a => a.pathname)")
    assert set(lists) <= set(linked)
    for address in lists:
        browser.open(live_server.url + address)
        assert browser.ask("document.querySelector('#changelist') !== null"), address
    assert browser.problems == []
