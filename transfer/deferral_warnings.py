"""What the mapping remarked on rows that are taken out of v3 again.

Not every warning is stored (V2_MAX_STORED_WARNINGS), but all are counted. So the records are
mapped once more, by the decisions of the migration, with v3 as it was when they came in.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg import sql

from transfer import extract
from transfer.journal import DatabaseJournal
from transfer.mapping.codes import Severity
from transfer.options import ImportOptions
from transfer.pipeline import make_work
from transfer.plan import Step
from transfer.progress import read_migrations
from transfer.scope import Scope
from transfer.source import Source
from transfer.target import Target
from transfer.work import Run, Work

_PARENTS = sql.SQL(
    "SELECT document->>'organization_id', document->>'form_id'"
    " FROM {table} AS t CROSS JOIN LATERAL to_jsonb(t) AS document"
    # No index serves this: one that lists all of the migration's rows might be read for each few.
    " WHERE t.id = ANY(%s::uuid[]) AND t.metadata->'migration_batch' = to_jsonb(%s::text)"
)


@dataclass(slots=True)
class _RunThen(Run):
    """A run to which organizations and forms are in v3 that have been deleted there since."""

    organizations: set[str] = field(default_factory=set)
    forms: dict[str, str] = field(default_factory=dict)

    def target_organizations(self) -> set[str]:
        """Ids of the organizations that were in v3."""
        return Run.target_organizations(self) | self.organizations

    def target_forms(self) -> dict[str, str]:
        """Migrated forms that were in v3: id → organization."""
        return self.forms | Run.target_forms(self)


class Warned:
    """The warnings of a migration's records, mapped once more.

    Args:
        target: the run's connections.
        source: the v2 that the rows came from.
        lookups: v2's small tables.
        migration: whose rows; begun with the settings that there are now.
        step: the table.
    """

    def __init__(
        self, target: Target, source: Source, lookups: extract.Lookups, migration: str, step: Step
    ) -> None:
        (begun,) = target.retrying(lambda: read_migrations(target.writer, migration))
        options = ImportOptions.resumed(begun.fingerprint)
        ctx = options.context(migration, begun.started_at)
        journal = DatabaseJournal(
            migration,
            begun.started_at,
            begun.states,
            max_stored_warnings=options.max_stored_warnings,
        )
        scope = Scope(source, ctx, options.organizations)
        self._run = _RunThen(source, target, scope, ctx, journal, lookups)
        self._step = step
        self._work: Work | None = None

    def of(self, ids: Sequence[str]) -> dict[str, Counter[str]]:
        """How often each code was remarked on each of these rows; without rows v2 has no more.

        Args:
            ids: rows that are in v3, reread.AT_ONCE at most.
        """
        batch = self._prepared(ids).as_decided(ids)
        return {
            outcome.record_id: Counter(
                finding.code.value
                for finding in outcome.findings
                if finding.code.info.severity is Severity.WARNING
            )
            for outcome in batch.outcomes
            if outcome.row is not None
        }

    def _prepared(self, ids: Sequence[str]) -> Work:
        run = self._run
        query = _PARENTS.format(table=sql.Identifier(self._step.table))
        rows = run.target.read(query, (list(ids), run.journal.migration))
        organizations = {row[0] for row in rows} - {None} - run.organizations
        forms = {form: owner for owner, form in rows if form and form not in run.forms}
        if self._work is None or organizations or forms:
            run.organizations |= organizations
            run.forms |= forms
            self._work = make_work(run, self._step)
            self._work.prepare()
        return self._work
