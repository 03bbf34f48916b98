"""M5 derived a second time: the slugs that other rows decide too."""

from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PROPERTY
from tests.unit.mapping.build import at, uid
from transfer.mapping.slugs import SlugRequest, assign_slugs
from transfer.proof import slugs
from transfer.proof.slugs import Slugs, Wish

SINCE = at("2025-01-22T20:00:00")
BEFORE = at("2024-03-01T10:20:30")


class V3:
    """Stands in for v3: its rows, and what the errors tell of names."""

    def __init__(self, rows: list[tuple[Any, ...]] = (), as_read: list[Any] = ()) -> None:  # type: ignore[assignment]  # nothing, unless a test says so
        self._rows = list(rows)
        self._as_read = list(as_read)

    def ask(self, statement: str, _parameters: Any = None) -> list[tuple[Any, ...]]:
        return self._as_read if statement == slugs._AS_READ else self._rows


names = st.sampled_from(
    ["Acme", "acme", "Acme 2", "acme-2", "Äcme", "", "日本", "\x00", "\ud800", "x" * 260, "x" * 254]
)
times = st.none() | st.sampled_from([BEFORE, at("2023-01-01T00:00:00")])
scopes = st.sampled_from([uid(1), uid(2)])


@PROPERTY
@given(st.lists(st.tuples(names, times, scopes), max_size=12), st.randoms())
def test_m05_slugs_are_those_the_mapping_gives(
    rows: list[tuple[str, datetime | None, str]], random: Any
) -> None:
    asked = [Wish(uid(n), scope, name, time) for n, (name, time, scope) in enumerate(rows)]
    right = assign_slugs(
        [SlugRequest(w.id, w.scope, str(w.name), w.created_on, "form") for w in asked],  # type: ignore[arg-type]  # a time or none
        {(uid(1), "acme")},
    )
    random.shuffle(asked)

    own = (uid(900), uid(1), "acme", False, False, False)
    found = Slugs(V3([own]), "forms", asked, SINCE)  # type: ignore[arg-type]  # a stand-in

    for wish in asked:
        assert found.expected(wish.id, wish.scope, right[wish.id]) == right[wish.id]
        assert found.expected(wish.id, wish.scope, "something-else") == right[wish.id]


@PROPERTY
@given(
    st.lists(st.tuples(names, times, scopes), max_size=12),
    st.sets(st.integers(min_value=0, max_value=11)),
    st.sets(st.sampled_from(["acme", "acme-2", "acme-3", "form-00000007"]), min_size=1),
)
def test_m05_slugs_are_right_when_v3s_own_have_others_by_now(
    rows: list[tuple[str, datetime | None, str]], failed: set[int], gone: set[str]
) -> None:
    """As many rows as had the slugs that were passed over were changed since."""
    asked = [Wish(uid(n), scope, name, time) for n, (name, time, scope) in enumerate(rows)]
    right = assign_slugs(
        [SlugRequest(w.id, w.scope, str(w.name), w.created_on, "form") for w in asked],  # type: ignore[arg-type]  # a time or none
        {(uid(1), slug) for slug in gone},
    )
    moved = [
        (w.id, w.scope, right[w.id], True, False, False)
        for n, w in enumerate(asked)
        if n not in failed
    ]
    own = [(uid(900 + n), uid(1), f"other{n}", False, False, True) for n in range(len(gone))]

    found = Slugs(V3([*moved, *own]), "forms", asked, SINCE)  # type: ignore[arg-type]  # a stand-in

    for own_id, scope, slug, *_ in moved:
        assert found.expected(own_id, scope, slug) == slug
