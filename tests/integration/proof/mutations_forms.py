"""Mutations of forms: columns, definition, fields, settings and choices."""

from collections.abc import Iterator

from tests.integration.proof.mutations import (
    DIFFERENT,
    NEW,
    Mutation,
    Place,
    changed,
    copied,
    deleted,
    rows,
    set_,
    swapped,
)
from tests.integration.proof.mutations_v2 import (
    ACME_2,
    BLANK,
    BOXES,
    DELTA,
    LEAVE,
    LEAVE_2,
    LEAVE_OF_WOLF,
    PICK,
    SPARE,
    WHO,
    WHO_2,
    WHY,
)


def definition(path: str, value: str) -> str:
    """An assignment that puts JSON at a place of a form's definition."""
    return f"definition = jsonb_set(definition, '{{{path}}}', '{value}')"


def forms() -> Iterator[Mutation]:
    table = "forms"
    yield from rows(table, SPARE)
    yield changed(
        "moved to another organization",
        table,
        LEAVE_OF_WOLF,
        f"organization_id = '{ACME_2}'",
        "organization_id",
    )
    yield changed("another name", table, LEAVE, "name = 'leave'", "name")
    yield changed("another slug", table, LEAVE, "slug = 'leave'", "slug")
    yield changed("another suffix", table, LEAVE_2, "slug = 'leave-request-3'", "slug")
    yield changed("another version", table, LEAVE, "version = '1.0.1'", "version")
    yield changed("published", table, LEAVE, "status = 'published'", "status")
    for key, value in (
        ("title", '"leave"'),
        ("description", '"When and why"'),
        ("legacy_id", f'"{LEAVE_2}"'),
        ("pages", "[]"),
        ("field_order", "[]"),
    ):
        yield changed(
            f"definition: another {key}", table, LEAVE, definition(key, value), f"definition[{key}]"
        )
    yield changed(
        "definition: empty text for null",
        table,
        SPARE,
        definition("description", '""'),
        "definition[description]",
    )
    yield changed(
        "definition: a null lost",
        table,
        SPARE,
        "definition = definition - 'description'",
        "definition[description]",
    )
    yield changed(
        "definition: an object for the list of fields",
        table,
        SPARE,
        """definition = definition || '{"fields": {}, "field_order": []}'""",
        "definition[fields]",
        more=True,
    )
    yield from _fields()
    yield swapped(
        "definitions swapped",
        table,
        SPARE,
        LEAVE_2,
        "definition",
        "definition[title]",
        "definition[legacy_id]",
    )
    yield deleted(table, SPARE)
    yield copied(table, SPARE, '"slug": "spare-2"')
    yield copied(table, SPARE, '"version": "1.0.1"')


def _fields() -> Iterator[Mutation]:
    table = "forms"
    first = f"definition[fields][{WHO}]"
    for key, value in (
        ("label", '"field 1"'),
        ("label", "null"),
        ("type", '"textarea"'),
        ("required", "false"),
        ("required", '"true"'),
        ("order", "1"),
        ("order", '"0"'),
        ("order", "0.0"),
        ("legacy_name", '"who"'),
        ("legacy_type", '"TextBox"'),
        ("hidden", "false"),
    ):
        yield changed(
            f"field: {key} is {value}",
            table,
            LEAVE,
            definition(f"fields,0,{key}", value),
            f"{first}[{key}]",
        )
    for key, value in (
        ("max", '"5"'),  # the earlier row's
        ("max", "4"),
        ("max", '"4 "'),
        ("hint", "null"),
        ("note", '""'),
        ("Max", '"4"'),
        ("a][b", '"8"'),
        ("more", '"1"'),
    ):
        yield changed(
            f"setting: {key} is {value}",
            table,
            LEAVE,
            definition(f'fields,0,settings,"{key}"', value),
            f"{first}[settings][{key}]",
        )
    yield changed(
        "setting: one lost",
        table,
        LEAVE,
        "definition = definition #- '{fields,0,settings,hint}'",
        f"{first}[settings][hint]",
    )
    yield changed(
        "setting: a null lost",
        table,
        LEAVE,
        "definition = definition #- '{fields,0,settings,note}'",
        f"{first}[settings][note]",
    )
    yield changed(
        "settings: a name taken apart",
        table,
        LEAVE,
        "definition = jsonb_set(definition #- '{fields,0,settings,a][b}',"
        " '{fields,0,settings,a}', '{\"b\": \"7\"}')",
        f"{first}[settings][a][b]",
        f"{first}[settings][a][b] (2)",
    )
    yield changed(
        "settings: a list for none",
        table,
        LEAVE,
        definition("fields,1,settings", "[]"),
        f"definition[fields][{WHY}][settings]",
    )
    choices = f"definition[fields][{BOXES}][choices]"
    for name, path, value in (
        ("another label", "0,label", '"gamma"'),
        ("no label", "0,label", "null"),
        ("another value", "0,value", f'"{DELTA}"'),
        ("a key more", "0,order", "1"),
        ("one more", "3", f'{{"value": "{DELTA}", "label": "Delta"}}'),
    ):
        yield changed(
            f"choices: {name}", table, LEAVE, definition(f"fields,3,choices,{path}", value), choices
        )
    yield changed(
        "choices: one lost",
        table,
        LEAVE,
        "definition = definition #- '{fields,3,choices,1}'",
        choices,
    )
    yield changed(
        "choices: none where there was an empty list",
        table,
        LEAVE,
        definition("fields,0,choices", "null"),
        f"{first}[choices]",
    )
    yield changed(
        "choices: labels swapped",
        table,
        LEAVE,
        "definition = jsonb_set(jsonb_set(definition,"
        " '{fields,3,choices,0,label}', '\"Alpha\"'),"
        " '{fields,3,choices,1,label}', '\"Gamma\"')",
        choices,
    )
    yield changed(
        "choices: another order", table, LEAVE, _order("fields,3,choices", 3, 0, 1), choices
    )
    yield changed(
        "fields: another order", table, LEAVE, _order("fields", 8, 0, 1), "definition[field_order]"
    )
    yield changed(
        "fields: labels swapped",
        table,
        LEAVE,
        "definition = jsonb_set(jsonb_set(definition,"
        " '{fields,0,label}', '\"Field 2\"'), '{fields,1,label}', '\"Field 1\"')",
        f"{first}[label]",
        f"definition[fields][{WHY}][label]",
    )
    yield changed(
        "fields: one lost",
        table,
        LEAVE,
        "definition = definition #- '{fields,6}'",
        "definition[field_order]",
        f"definition[fields][{BLANK}][name]",
        more=True,
    )
    yield changed(
        "fields: one twice",
        table,
        LEAVE,
        "definition = jsonb_insert(definition, '{fields,7}', definition#>'{fields,6}')",
        "definition[fields]",
        more=True,
    )
    yield changed(
        "field: another id",
        table,
        LEAVE,
        definition("fields,0,id", f'"{NEW}"'),
        f"{first}[id]",
        f"definition[fields][{NEW}][id]",
        more=True,
    )
    yield changed(
        "field: another name",
        table,
        LEAVE,
        definition("fields,0,name", '"Who"'),
        f"{first}[name]",
        more=True,
    )
    yield changed(
        "field: v2's name lost",
        table,
        LEAVE,
        "definition = definition #- '{fields,2,legacy_name}'",
        f"definition[fields][{WHO_2}][legacy_name]",
    )
    yield changed(
        "field: v2's type in another case",
        table,
        LEAVE,
        definition("fields,4,legacy_type", '"radiobutton"'),
        f"definition[fields][{PICK}][legacy_type]",
    )
    yield changed(
        "field: names of two swapped",
        table,
        LEAVE,
        "definition = jsonb_set(jsonb_set(definition,"
        " '{fields,0,name}', '\"why\"'), '{fields,1,name}', '\"who\"')",
        f"{first}[name]",
        f"definition[fields][{WHY}][name]",
        more=True,
    )
    statement = f"""
        UPDATE submissions SET data = data - 'blank' || jsonb_build_object('No', data->'blank'),
               updated_at = updated_at
         WHERE form_id = '{LEAVE}' AND data ? 'blank'
    """
    yield Mutation(
        "forms: a field and all its answers renamed",
        (set_(table, LEAVE, definition("fields,6,name", '"No"')), statement),
        frozenset({Place(table, LEAVE, DIFFERENT, f"definition[fields][{BLANK}][name]")}),
    )


def _order(path: str, length: int, *first: int) -> str:
    """An assignment that swaps two neighbours of a list in a form's definition."""
    one, other = first
    order = [other, one, *range(2, length)]
    parts = ", ".join(f"definition#>'{{{path},{n}}}'" for n in order)
    return f"definition = jsonb_set(definition, '{{{path}}}', jsonb_build_array({parts}))"
