"""A v2 in SQL Server for a test: on the peer, or on a real server where one is asked for.

    with publish(v2, integer_ids=True, schema="forms") as server:
        subprocess.run([...], env=server.env)  # V2_DATABASE_URL and what goes with it
        with server.use():                     # or in this process, through the alias v2
            run(name="night")
        server.statements                      # of the peer: what was asked

What only the peer can do (harm, the log of statements) fails on a real server: tests that need it
are marked ``peer_only`` (tests.sqlserver.fixtures).
"""

import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from unittest import mock

from django.test import override_settings

from legacy_v2 import names as v2_names
from pliers.environment import legacy
from tests.renaming import Names
from tests.sqlserver import certificates, real
from tests.sqlserver.copies import TimeType, tables_of
from tests.sqlserver.peer import READER, Peer, Statement
from tests.v2 import V2, use_v2


@dataclass
class V2Server:
    """A v2 in SQL Server.

    Attributes:
        url: V2_DATABASE_URL.
        schema: where its tables are.
        names: what its tables and columns are called.
        mapping: the file with those names, where they are not v2's own.
        own: variables of a process that reads it, beside the process's other ones.
    """

    url: str
    schema: str
    names: Names
    mapping: Path | None
    own: dict[str, str] = field(default_factory=dict)
    _peer: Peer | None = None

    @property
    def env(self) -> dict[str, str]:
        """The environment of a process whose v2 this is."""
        return {**os.environ, "DJANGO_SETTINGS_MODULE": "pliers.settings", **self.own}

    @property
    def peer(self) -> Peer:
        """The peer behind it, for harm and for changes."""
        assert self._peer is not None, "a test that needs the peer runs against a real server"
        return self._peer

    @property
    def statements(self) -> list[Statement]:
        """What was asked, in its order."""
        return self.peer.statements

    def asked(self, text: str) -> list[Statement]:
        """The statements that hold the text, whatever its case."""
        return [one for one in self.statements if text.lower() in one.sql.lower()]

    def with_options(self, **options: str) -> str:
        """The URL with these options beside, or in the place of, its own."""
        address, _, query = self.url.partition("?")
        kept = [part for part in query.split("&") if part and part.split("=")[0] not in options]
        return f"{address}?{'&'.join([*kept, *(f'{k}={v}' for k, v in options.items())])}"

    @contextmanager
    def use(self, url: str | None = None, *, driver: str = "") -> Iterator[Any]:
        """Point the alias v2 of this process at it; within ``django_db_blocker.unblock()``."""
        schema = "" if self.schema == "dbo" else self.schema
        settings, _ = legacy(
            "V2_DATABASE_URL", url or self.url, base=Path(), schema=schema, driver=driver
        )
        # The driver reads the variable when it opens a connection.
        trusted = {key: self.own[key] for key in ("SSL_CERT_FILE",) if key in self.own}
        mapping: dict[str, Any] = {"V2_MAPPING": self.mapping} if self.mapping else {}
        with (
            mock.patch.dict(os.environ, trusted),
            override_settings(**mapping),
            use_v2(**{"TEST": {}, **settings}) as connection,
        ):
            try:
                yield connection
            finally:
                v2_names.use()


@contextmanager
def publish(
    v2: Path | V2,
    *,
    integer_ids: bool | Literal["tinyint", "smallint", "int", "bigint"] = False,
    names: Names | None = None,
    tell_names: bool = True,
    mapping: str = "",
    schema: str = "dbo",
    omit: Collection[str] = (),
    nullable: Collection[str] = (),
    time_type: TimeType = "datetime2",
    trusted: bool = True,
    environment: Mapping[str, str] | None = None,
) -> Iterator[V2Server]:
    """Have a SQLite file's rows in SQL Server.

    Args:
        v2: the file, or what make_v2 returned.
        integer_ids: ids are whole numbers, of this type; True: int.
        names: other names of tables and columns.
        tell_names: whether V2_MAPPING tells them.
        mapping: what else V2_MAPPING says, as TOML.
        schema: where the tables are.
        omit: what it lacks: ``Table`` or ``Table.Column``.
        nullable: columns that may be NULL though v2's own may not: ``Table.Column``.
        time_type: the type of times.
        trusted: whether the peer's certificate is one that ``env`` trusts.
        environment: more variables for ``env``.
    """
    path = v2.path if isinstance(v2, V2) else v2
    ids: Any = {False: "uniqueidentifier", True: "int"}.get(integer_ids, integer_ids)
    tables = tables_of(
        path,
        ids=ids,
        times=time_type,
        names=names,
        schema=schema,
        omit=omit,
        nullable=nullable,
    )
    with ExitStack() as stack:
        peer = None
        own = {"V2_SCHEMA": "" if schema == "dbo" else schema}
        if real.asked_for():
            url = stack.enter_context(real.database(tables))
        else:
            peer = stack.enter_context(Peer(trusted=trusted))
            peer.add(*tables)
            url = peer.url(READER)
            own["SSL_CERT_FILE"] = str(certificates.trusted())
        toml = mapping + (names.as_toml() if names and tell_names else "")
        file = None
        if toml:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pliers-mapping-"))
            file = Path(folder) / "mapping.toml"
            file.write_text(toml)
            own["V2_MAPPING"] = str(file)
        own |= {"V2_DATABASE_URL": url, **(environment or {})}
        yield V2Server(url, schema, names or Names(), file, own, peer)
