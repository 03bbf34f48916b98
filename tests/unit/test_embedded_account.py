"""Whom the embedded server runs as, told without starting it."""

import os
import pwd
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from pliers.embedded import EmbeddedError, account
from pliers.embedded.account import Account

NOBODY = pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def become(monkeypatch):
    """Return a function that makes the code believe it runs as another user."""
    return lambda uid: monkeypatch.setattr(os, "geteuid", lambda: uid)


@pytest.fixture
def owned_by(monkeypatch, tmp_path):
    """Return a function that gives a path that seems to belong to a user."""
    real = Path.stat

    def make(uid: int) -> Path:
        path = tmp_path / "pg"
        path.mkdir()
        found = SimpleNamespace(st_uid=uid, st_mode=0o40700)
        monkeypatch.setattr(
            Path, "stat", lambda self, **how: found if self == path else real(self, **how)
        )
        return path

    return make


def test_an_ordinary_user_runs_it_as_themselves(become, tmp_path):
    become(4711)
    assert Account.for_data(tmp_path / "pg") == Account(4711, os.getegid(), "4711")


def test_root_runs_it_as_nobody(become, tmp_path):
    become(0)
    assert Account.for_data(tmp_path / "pg").name == "nobody"


def test_root_runs_an_ordinary_users_server_as_that_user(become, owned_by):
    become(0)
    somebody = next(entry for entry in pwd.getpwall() if entry.pw_uid not in {0, NOBODY})
    assert Account.for_data(owned_by(somebody.pw_uid)).uid == somebody.pw_uid


def test_another_users_data_is_refused(become, owned_by):
    become(4711)
    with pytest.raises(EmbeddedError, match=r"belongs to another user \(nobody\)"):
        Account.for_data(owned_by(NOBODY))


def test_data_that_belongs_to_root_is_refused(become, owned_by):
    become(0)
    with pytest.raises(EmbeddedError, match="belongs to root, and PostgreSQL refuses"):
        Account.for_data(owned_by(0))


def test_root_without_an_unprivileged_user_is_told(become, tmp_path, monkeypatch):
    become(0)
    monkeypatch.setattr(account, "UNPRIVILEGED", "no such user here")
    with pytest.raises(EmbeddedError, match="PostgreSQL refuses to run as root, and there is no"):
        Account.for_data(tmp_path / "pg")


def test_root_without_setpriv_is_told(become, tmp_path, monkeypatch):
    become(0)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(EmbeddedError, match=r"setpriv .* is missing"):
        Account(NOBODY, NOBODY, "nobody").prefix(tmp_path, tmp_path)


def test_an_ordinary_user_needs_no_setpriv(become, tmp_path, monkeypatch):
    become(4711)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert Account(4711, 4711, "me").prefix(tmp_path, tmp_path) == ()


def test_root_whose_unprivileged_user_cannot_get_there_is_told(become, tmp_path, monkeypatch):
    become(0)
    monkeypatch.setattr(account, "_can_run", lambda *_: False)
    with pytest.raises(EmbeddedError, match=r"user nobody cannot reach"):
        Account(NOBODY, NOBODY, "nobody").prefix(tmp_path, tmp_path)
