"""Commands called in this process, and what verify_v2 says, for the tests of verify_v2."""

import json
from io import StringIO
from typing import Any

from django.core.management import call_command


def run(command: str, *arguments: str) -> tuple[int, str]:
    """Call a command; return its exit status and what it wrote on stdout."""
    out = StringIO()
    try:
        call_command(command, *arguments, stdout=out, stderr=StringIO())
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def verified(*arguments: str) -> tuple[int, dict[str, Any]]:
    """verify_v2 --json: its exit status, and check name → check."""
    status, out = run("verify_v2", "--json", *arguments)
    document = json.loads(out)
    return status, {check["name"]: check for check in document["checks"]} | {"all": document}
