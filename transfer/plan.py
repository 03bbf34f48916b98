"""Which v3 tables a run fills, in which order, and which v2 tables each of them is made from."""

from collections.abc import Iterable
from typing import NamedTuple

from transfer.exceptions import ConfigurationError
from transfer.records import FormRow, OrganizationRow, SubmissionRow, UserRow


class Step(NamedTuple):
    """One v3 table: where its rows come from and the columns COPY fills, in order."""

    table: str
    v2_table: str
    columns: tuple[str, ...]
    singular: str


# Parents before children: every foreign key points at a table further up.
PLAN: tuple[Step, ...] = (
    Step("organizations", "Organization", OrganizationRow._fields, "organization"),
    Step("users", "User", UserRow._fields, "user"),
    Step("forms", "FormType", FormRow._fields, "form"),
    Step("submissions", "FormSubmission", SubmissionRow._fields, "submission"),
)
TABLES: tuple[str, ...] = tuple(step.table for step in PLAN)


def select_steps(tables: Iterable[str]) -> tuple[Step, ...]:
    """The steps for the named tables, in the plan's order; all of them where none is named.

    Raises:
        ConfigurationError: a name that is not in the plan.
    """
    wanted = set(tables)
    if unknown := sorted(wanted - set(TABLES)):
        msg = f"unknown table {', '.join(unknown)}; known are {', '.join(TABLES)}"
        raise ConfigurationError(msg)
    return tuple(step for step in PLAN if not wanted or step.table in wanted)
