"""Statements written down in files beside the tests: ``golden/<name>.sql``, a section each.

A change of a statement shows as a change of its file, where whoever reviews it can read it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"
_BREAK = re.compile(
    r"(?<!LEFT) (?=(?:LEFT JOIN|JOIN|FROM|WHERE|GROUP BY|HAVING|ORDER BY|UNION|ON|WHEN|ELSE) )"
)
_BROAD = re.compile(r"(?<=,) (?=(?:LOWER|CASE|COALESCE)\b)|\(\s*(?=SELECT )")


def laid_out(statement: str) -> str:
    """A statement with a line for each of its parts, however it was written."""
    flat = " ".join(statement.split())
    return _BROAD.sub(lambda found: found.group().rstrip() + "\n", _BREAK.sub("\n", flat))


def written(name: str) -> dict[str, str]:
    """The sections of a file, by their headings: ``-- heading``."""
    text = (FOLDER / f"{name}.sql").read_text()
    parts = re.split(r"^-- (.*)\n", text, flags=re.MULTILINE)[1:]
    return {head: body.strip() for head, body in zip(parts[::2], parts[1::2], strict=True)}


def as_text(statements: Mapping[str, str]) -> str:
    """The text of such a file."""
    return "\n".join(f"-- {head}\n{laid_out(body)}\n" for head, body in statements.items())


def laid_out_all(statements: Mapping[str, str]) -> dict[str, str]:
    """Statements as ``written`` has them."""
    return {head: laid_out(body) for head, body in statements.items()}
