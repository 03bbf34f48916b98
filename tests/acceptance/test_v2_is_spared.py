"""Django's own commands cannot be pointed at v2, even where its database could be written (R4)."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

SETTINGS = """
from pliers.settings import *
from pliers.settings import DATABASES

DATABASES["v2"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": __file__ + ".sqlite3"}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "c"}}
"""


@pytest.mark.parametrize(
    "words",
    [
        ["migrate", "--database", "v2"],
        ["migrate", "--fake", "--database=v2"],
        ["migrate", "--data", "v2"],
        ["flush", "--no-input", "--database=v2"],
        ["loaddata", "--database", "v2", "nothing.json"],
        ["createcachetable", "--database", "v2"],
        ["sqlflush", "--database", "v2"],
    ],
    ids=" ".join,
)
def test_r4_a_command_that_writes_refuses_a_v2_that_can_be_written(
    tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "writable_v2.py").write_text(SETTINGS)
    v2 = tmp_path / "writable_v2.py.sqlite3"
    with sqlite3.connect(v2) as connection:
        connection.execute("CREATE TABLE Organization (Id text)")
    connection.close()
    before = v2.read_bytes()

    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "writable_v2", "PYTHONPATH": str(tmp_path)},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "--database v2 was refused: v2 is only ever read (R4)" in done.stderr
    assert v2.read_bytes() == before
