"""Sessions of v3 that may still see rows as they were: PostgreSQL keeps those rows for them.

It also puts them into an index that is built meanwhile, or fails at them: a row that was deleted
because an index does not take it goes on being refused as long as one of these looks at it.
"""

from typing import Any

import psycopg

# All transactions below this one are over, or they are older than what is done by now.
_NOW = "SELECT pg_current_xact_id()::text"
# A snapshot keeps what was deleted since the oldest transaction it does not see the end of; so
# does a transaction that writes. VACUUM's own snapshot keeps nothing.
_OLDER = """
    SELECT format('%%s (backend %%s%%s)',
                  coalesce(nullif(application_name, ''), backend_type, 'unnamed'),
                  session.pid, ', in its transaction since ' || to_char(
                  xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'))
      FROM pg_stat_activity AS session
     WHERE (datname = current_database() OR backend_type = 'walsender')
       AND session.pid <> pg_backend_pid()
       AND greatest(age(backend_xmin), age(backend_xid)) > age(%(now)s::xid)
       AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum AS vacuum
                        WHERE vacuum.pid = session.pid)
     UNION ALL
    SELECT format('prepared transaction %%s', gid)
      FROM pg_prepared_xacts
     WHERE database = current_database() AND age(transaction) > age(%(now)s::xid)
     UNION ALL
    SELECT format('replication slot %%s', slot_name)
      FROM pg_replication_slots
     WHERE age(xmin) > age(%(now)s::xid)
     ORDER BY 1
"""


def moment(connection: psycopg.Connection[Any]) -> str:
    """This moment, as v3 counts transactions; outside of one."""
    ((now,),) = connection.execute(_NOW).fetchall()
    return str(int(now) % 2**32)


def older(connection: psycopg.Connection[Any], now: str) -> list[str]:
    """Who may still see what was deleted before a moment, each as it is told to the user."""
    return [row[0] for row in connection.execute(_OLDER, {"now": now}).fetchall()]
