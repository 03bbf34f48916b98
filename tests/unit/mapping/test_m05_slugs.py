import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PROPERTY
from tests.unit.mapping.build import CREATED, STARTED, at, context, organization, uid, utc
from tests.unit.mapping.strategies import any_text, any_time
from transfer.mapping.organizations import map_organization
from transfer.mapping.slugs import SlugRequest, assign_slugs, slug_of

EARLY, LATE = at("2020-01-01T00:00:00"), at("2024-01-01T00:00:00")


def request(number, name, created_on=EARLY, scope=""):
    return SlugRequest(uid(number), scope, name, created_on, "organization")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme", "acme"),
        ("Acme North West", "acme-north-west"),
        ("two  blanks", "two--blanks"),
        (" edges ", "-edges-"),
        ("under_score-9", "under_score-9"),
        ("Acme, Inc.", "acme-inc"),
        ("Café Zürich", "cafe-zurich"),
        ("tab\there", "tab-here"),
        ("100% & more", "100-more"),
        ("東京", "organization-00000007"),
        ("", "organization-00000007"),
        ("!!!", "organization-00000007"),
        ("A\x00B", "ab"),
        ("x" * 300, "x" * 255),
        (None, "organization-00000007"),
    ],
)
def test_m05_a_slug_comes_from_the_name(name, slug):
    assert slug_of(name, uid(7), "organization") == slug


def test_m05_a_collision_is_numbered_in_the_order_of_creation_then_id():
    rows = [
        request(3, "Acme", LATE),
        request(2, "ACME", EARLY),
        request(1, "acme", LATE),
        request(4, "Acme", None),
    ]

    assert assign_slugs(rows, set()) == {
        uid(2): "acme",
        uid(1): "acme-2",
        uid(3): "acme-3",
        uid(4): "acme-4",
    }


def test_m05_a_suffix_that_is_a_name_itself_is_passed_over():
    rows = [request(1, "acme"), request(2, "acme-2"), request(3, "acme"), request(4, "acme-2")]

    assert list(assign_slugs(rows, set()).values()) == ["acme", "acme-2", "acme-3", "acme-2-2"]


def test_m05_slugs_of_v3s_own_rows_are_passed_over():
    rows = [request(1, "acme"), request(2, "acme")]

    slugs = assign_slugs(rows, {("", "acme"), ("", "acme-3"), ("elsewhere", "acme-2")})

    assert slugs == {uid(1): "acme-2", uid(2): "acme-4"}


def test_m05_each_scope_has_slugs_of_its_own():
    rows = [request(1, "leave", scope="a"), request(2, "leave", scope="b")]

    assert set(assign_slugs(rows, {("c", "leave")}).values()) == {"leave"}


def test_m05_a_slug_is_cut_so_that_its_suffix_fits():
    rows = [request(number, "x" * 255) for number in range(1, 12)]

    slugs = assign_slugs(rows, set())

    assert slugs[uid(2)] == "x" * 253 + "-2"
    assert slugs[uid(11)] == "x" * 252 + "-11"


@pytest.mark.parametrize("count", [0, 1])
def test_m05_no_rows_and_one_row(count):
    rows = [request(number, "acme") for number in range(count)]

    assert list(assign_slugs(rows, ()).values()) == ["acme"] * count


names = st.sampled_from(["acme", "Acme", "acme-2", "x" * 255, "x" * 254, "東京", ""]) | any_text
requests = st.lists(
    st.tuples(names, st.none() | any_time, st.sampled_from(["", "a"])), max_size=12
).map(
    lambda rows: [
        SlugRequest(uid(number), scope, name, created_on, "form")
        for number, (name, created_on, scope) in enumerate(rows, 1)
    ]
)


@PROPERTY
@given(st.data(), requests)
def test_m05_slugs_are_unique_short_clean_and_the_same_in_any_order(draw, rows):
    taken = {("", "acme"), ("a", "x" * 255)}

    slugs = assign_slugs(rows, taken)

    given_out = [(row.scope, slugs[row.id]) for row in rows]
    assert len(set(given_out)) == len(rows)
    assert not taken.intersection(given_out)
    assert all(re.fullmatch(r"[a-z0-9_-]{1,255}", slug) for _, slug in given_out)
    assert assign_slugs(draw.draw(st.permutations(rows)), taken) == slugs


def test_m05_an_organization_keeps_its_id_and_says_where_it_came_from():
    outcome = map_organization(organization(1, "Acme", CREATED), "acme", context())

    assert outcome.findings == []
    row = outcome.row
    assert row is not None
    assert (row.id, row.slug, row.name) == (uid(1), "acme", "Acme")
    assert orjson.loads(row.settings) == {
        "legacy_id": uid(1),
        "migrated_from": "v2",
        "migration_date": "2025-01-22T20:00:00+00:00",
    }
    assert orjson.loads(row.metadata) == {"migration_batch": "v2_migration_2025_01_22"}
    assert row.created_at == utc("2024-03-01T10:20:30.123456")
    assert row.updated_at == STARTED
