"""Trying errors again in the admin as a person does it, and what that person is told."""

import html
import re
from pathlib import Path
from typing import Any

from django.test import Client

from tests.integration.admin.rows import address, change
from tests.runs import run
from tests.v2 import V2, make_v2
from transfer.models import MigrationError

LIST = "changelist"


def retry_address(error: MigrationError) -> str:
    return address(MigrationError, "retry", error.pk)


def select(
    client: Client, *errors: MigrationError, across: bool = False, **where: str
) -> list[tuple[str, str]]:
    """Run the action over these errors; returns the level and text of each message."""
    posted: dict[str, Any] = {"action": "retry_selected", "index": "0"}
    posted["select_across"] = "1" if across else "0"
    posted["_selected_action"] = [str(error.pk) for error in errors]
    return told(client.post(address(MigrationError, LIST, **where), posted, follow=True))


def press(client: Client, error: MigrationError) -> list[tuple[str, str]]:
    """Post what the button of the error's page does."""
    return told(client.post(retry_address(error), follow=True))


def told(response: Any) -> list[tuple[str, str]]:
    """The level and text of each message on the page that was led to."""
    assert response.redirect_chain
    messages = response.context["messages"]
    return [(message.level_tag, plain(str(message))) for message in messages]


def plain(text: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", text))


def page(client: Client, error: MigrationError) -> str:
    return client.get(change(error)).content.decode()


def errors(**where: Any) -> list[MigrationError]:
    return list(
        MigrationError.objects.filter(severity="error", **where).order_by("record_id", "id")
    )


def broken(path: Path, users: int = 1, **more: Any) -> V2:
    """A v2 whose users have no email, imported as "night"."""
    v2 = make_v2(path, organizations=[{}], users=[{"Email": None}] * users, **more)
    run(name="night")
    return v2


def repair(v2: V2, number: int = 0) -> None:
    user = v2.users[number]["Id"]
    v2.execute("UPDATE User SET Email = Id || '@example.org' WHERE Id = ?", (user,))
