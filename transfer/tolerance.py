"""When a run is hopeless, and stops by itself: --max-errors and --max-error-share."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from transfer.batch import TableState
from transfer.exceptions import TooManyErrorsError


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How many errors a run may record before it is not worth going on.

    Args:
        errors: errors of the whole migration, those of earlier starts too; None: any number.
        share: the share of a table's records, 0 to 1, that may fail; None: all of them. It is
            the share of all v2 has of them, not of those read so far: a bad beginning stops
            nothing, and what stops a run could not have become better.
    """

    errors: int | None = None
    share: Decimal | None = None

    def check(self, state: TableState, states: Iterable[TableState]) -> None:
        """Look at the books after a batch.

        Args:
            state: the table in hand.
            states: all tables of the migration.

        Raises:
            TooManyErrorsError: there are more errors than may be; what is committed stays.
        """
        recorded = sum(one.errors for one in states)
        if self.errors is not None and recorded > self.errors:
            self._stop(
                state, f"{recorded:,} errors are recorded, and --max-errors allows {self.errors:,}"
            )
        total = max(state.total or 0, state.records.read)
        if self.share is not None and state.failed > self.share * total:
            self._stop(
                state,
                f"{state.failed:,} of {total:,} {state.table} failed, and --max-error-share "
                f"allows {float(100 * self.share):g}%",
            )

    def _stop(self, state: TableState, why: str) -> None:
        advice = "look at them (status_v2, or Migration errors in the admin) before going on"
        raise TooManyErrorsError(f"{why}; {advice}", table=state.table)
