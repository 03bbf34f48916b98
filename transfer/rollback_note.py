"""What migration_progress says of a rollback: how far it is, so that it cannot be forgotten.

Each progress row of the migration has ``ledger.rollback``; the states themselves are five, and
``rolled_back`` alone does not tell a rollback that was killed from one that is through.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KEY = "rollback"


@dataclass(slots=True)
class RollbackNote:
    """A migration's rollback, all its tables together.

    Args:
        began_at: when it began, ISO text.
        finished: nothing is left that was to go.
        removed: rows of the migration that are gone, by table.
        cascaded: rows of the application that went with them, by table.
        kept: rows of the migration that stayed, by table; known when it is finished.
    """

    began_at: str
    finished: bool = True
    removed: Counter[str] = field(default_factory=Counter)
    cascaded: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)

    def add(self, table: str, document: Mapping[str, Any]) -> None:
        """Count what one progress row says."""
        self.finished = self.finished and bool(document.get("finished"))
        self.removed[table] += document.get("removed", 0)
        self.kept[table] += document.get("kept", 0)
        self.cascaded.update(document.get("cascaded", {}))

    def sentence(self) -> str:
        """The note as one sentence."""
        said = f"{self.removed.total():,} rows removed"
        if self.cascaded.total():
            said += f", {self.cascaded.total():,} of v3's own with them"
        if self.finished and self.kept.total():
            said += f", {self.kept.total():,} kept"
        began = self.began_at[:19].replace("T", " ")
        return f"Rolled back{'' if self.finished else ' in part'}, begun {began} UTC: {said}."
