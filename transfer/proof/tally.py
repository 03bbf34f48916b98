"""What a verification of the values has found so far, and its form in the books."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from transfer.batch import TableState
from transfer.ledger import Ledger
from transfer.proof.compared import Compared
from transfer.proof.document import MODULUS
from transfer.proof.reading import Place

COUNTS = (
    "compared", "equal", "failed", "ready", "made_since", "changed_since", "missing",
    "differing",
)  # fmt: skip


@dataclass
class TableProof:
    """What was found in one table so far; ``as_json`` and ``from_json`` keep it in the books.

    Args:
        place: the place reached in v2.
        done: every record was looked at.
        strays_after: the last of v3's ids that v2 was asked for; None: none yet.
        counts: by the names in COUNTS, and ``strays``: rows of v3 that v2 has no record for.
        digest_v2: of all that v3 has to hold, of the records compared.
        digest_v3: of what it holds.
        places: (kind, place) → how many.
        stored: kind → how many of them are kept.
    """

    place: Place = field(default_factory=Place)
    done: bool = False
    strays_after: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    digest_v2: int = 0
    digest_v3: int = 0
    places: Counter[tuple[str, str]] = field(default_factory=Counter)
    stored: Counter[str] = field(default_factory=Counter)

    @property
    def different(self) -> int:
        """Records that differ from what they have to be, are missing, or are of nobody in v2."""
        return self.counts["differing"] + self.counts["missing"] + self.counts["strays"]

    def add(self, found: Compared) -> None:
        """Count what a page added."""
        for name in COUNTS:
            self.counts[name] += getattr(found, name)
        self.digest_v2 = (self.digest_v2 + found.digest_v2) % MODULUS
        self.digest_v3 = (self.digest_v3 + found.digest_v3) % MODULUS

    def show(self, state: TableState) -> None:
        """Tell whoever watches how many records were looked at."""
        done = self.counts["compared"] + self.counts["missing"] + self.counts["made_since"]
        failed = self.counts["failed"]
        state.records = Ledger(done + failed, done)
        if failed:
            state.records.failed["errors"] = failed

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON document."""
        return {
            "place": list(self.place),
            "done": self.done,
            "strays_after": self.strays_after,
            "counts": dict(self.counts),
            "digests": [f"{self.digest_v2:064x}", f"{self.digest_v3:064x}"],
            "places": [[*key, number] for key, number in self.places.items()],
            "stored": dict(self.stored),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "TableProof":
        """What ``as_json`` made."""
        digest_v2, digest_v3 = (int(one, 16) for one in document["digests"])
        return cls(
            Place(*document["place"]),
            document["done"],
            document["strays_after"],
            Counter(document["counts"]),
            digest_v2,
            digest_v3,
            Counter({(kind, place): n for kind, place, n in document["places"]}),
            Counter(document["stored"]),
        )


@dataclass
class Proof:
    """Everything a verification of the values found.

    Args:
        tables: by v3's table.
        groups: (organization, form), empty where v2 has none → numbers as compare.GROUP names
            them.
    """

    tables: dict[str, TableProof] = field(default_factory=dict)
    groups: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    @property
    def compared(self) -> int:
        """Records of all tables that were compared."""
        return sum(proof.counts["compared"] for proof in self.tables.values())

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON document."""
        return {
            "tables": {table: proof.as_json() for table, proof in self.tables.items()},
            "groups": [[*key, *numbers] for key, numbers in self.groups.items()],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Proof":
        """What ``as_json`` made; of an empty one, nothing yet."""
        return cls(
            {key: TableProof.from_json(one) for key, one in document.get("tables", {}).items()},
            {(one[0], one[1]): list(one[2:]) for one in document.get("groups", [])},
        )
