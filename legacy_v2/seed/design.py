"""The believable part of v2 without its submissions: organizations, users and forms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from legacy_v2.seed import catalogue
from legacy_v2.seed.randomness import Dice

Row = tuple[Any, ...]

FIRST_TIME = datetime(2015, 3, 2, 8, 0)  # noqa: DTZ001 - v2's times have no zone
FORMS_EACH = 4  # of an organization
USERS_EACH = 10
# More fields than answers, so that most submissions leave some field out.
FIELDS_PER_ANSWER = 1.15
_POOL_SIZE = 300  # different answers to the fields of one type


class FormField(NamedTuple):
    """What a submission needs to know of a field.

    ``pool`` holds the texts it may be answered with; where it has choices, ``maps`` the Ids of
    its Field_Choice_Map rows.
    """

    id: str
    required: bool
    several: bool
    maps: tuple[str, ...]
    pool: Sequence[str | None]


@dataclass(slots=True)
class Form:
    """A form and the organization it belongs to."""

    id: str
    organization: str
    prefix: str
    fields: list[FormField] = field(default_factory=list)


@dataclass(slots=True)
class Design:
    """Rows by v2 table, and what the submissions are made from."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    organizations: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    field_types: dict[str, str] = field(default_factory=dict)

    def add(self, table: str, *row: object) -> None:
        """Add a row, its values in the order of the table's columns."""
        self.rows.setdefault(table, []).append(row)


def stamp(time: datetime) -> str:
    """A time as v2's copies hold it."""
    return time.isoformat(sep=" ", timespec="microseconds")


def design(seed: int, answers: int) -> Design:
    """Lay out the organizations, users and forms of a demo database.

    Args:
        seed: another seed, another layout.
        answers: rows of answers a submission will have; forms get enough fields for them.
    """
    return _Drawing(Dice(seed, "design"), answers).draw()


class _Drawing:
    def __init__(self, dice: Dice, answers: int) -> None:
        self.dice = dice
        self.ids = dice.ids()
        self.fields_each = max(6, round(answers * FIELDS_PER_ANSWER) + 1)
        self.pools = {
            name: [make(dice) for _ in range(_POOL_SIZE)] for name, make in _ANSWERS.items()
        }
        self.choices: dict[str, str] = {}
        self.result = Design()

    def draw(self) -> Design:
        result = self.result
        for plan in catalogue.FIELDS:
            if plan.type not in result.field_types:
                result.field_types[plan.type] = key = next(self.ids)
                result.add("FieldType", key, plan.type)
        for name in catalogue.STATUSES:
            result.statuses[name] = key = next(self.ids)
            result.add("FormSubmissionStatus", key, name)
        for number, company in enumerate(catalogue.COMPANIES):
            self._organization(company, FIRST_TIME + timedelta(days=61 * number, minutes=17))
        return result

    def _organization(self, company: catalogue.Company, founded: datetime) -> None:
        key = next(self.ids)
        self.result.organizations.append(key)
        self.result.add("Organization", key, company.name, stamp(founded))
        names = self.dice.shuffled(
            [(first, last) for first in catalogue.FIRST_NAMES for last in catalogue.LAST_NAMES]
        )
        for number, (first, last) in enumerate(names[:USERS_EACH]):
            created = founded + timedelta(days=number * 37, seconds=self.dice.below(80_000))
            updated = stamp(created + timedelta(days=90)) if self.dice.throw() < 0.5 else None
            account = f"{company.prefix.lower()}.user{number + 1}"
            self.result.add(
                "User", next(self.ids), key, f"{account}@example.org", account, first, last,
                self.dice.throw() < 0.8, stamp(created), updated,
            )  # fmt: skip
        plans = self.dice.shuffled(catalogue.FORMS)[:FORMS_EACH]
        for number, plan in enumerate(plans):
            self._form(plan, Form(next(self.ids), key, company.prefix), founded, number)

    def _form(self, plan: catalogue.FormPlan, form: Form, founded: datetime, number: int) -> None:
        self.result.forms.append(form)
        created = stamp(founded + timedelta(days=3 + number, hours=2))
        self.result.add(
            "FormType", form.id, plan.name, plan.title, plan.description, form.organization, created
        )
        first = self.dice.below(len(catalogue.FIELDS))
        for order in range(self.fields_each):
            field_plan = catalogue.FIELDS[(first + order) % len(catalogue.FIELDS)]
            # A long form goes through the catalogue again: Site, Site2, Site3.
            lap = order // len(catalogue.FIELDS)
            form.fields.append(self._field(field_plan, form, order, str(lap + 1) if lap else ""))

    def _field(self, plan: catalogue.FieldPlan, form: Form, order: int, suffix: str) -> FormField:
        key = next(self.ids)
        required = order < 3
        self.result.add(
            "Field", key, form.id, self.result.field_types[plan.type], plan.name + suffix,
            f"{plan.label} {suffix}".strip(), required, (order + 1) * 10,
        )  # fmt: skip
        for name, value in catalogue.SETTINGS.get(plan.type, {}).items():
            self.result.add("FieldSetting", next(self.ids), key, name, value)
        maps = []
        for place, choice in enumerate(plan.choices, 1):
            maps.append(next(self.ids))
            self.result.add("Field_Choice_Map", maps[-1], key, self._choice(choice), place)
        return FormField(
            key,
            required,
            several=plan.type == "CheckBox" and bool(maps),
            # As the browser sent it, while SQL Server shows its own ids in upper case.
            maps=tuple(map_id.lower() for map_id in maps),
            pool=self.pools[plan.type] if not maps else (),
        )

    def _choice(self, name: str) -> str:
        if name not in self.choices:
            self.choices[name] = key = next(self.ids)
            self.result.add("Choice", key, name)
        return self.choices[name]


def _text(dice: Dice) -> str:
    return dice.pick((*catalogue.PLACES, _person(dice), f"{dice.pick(catalogue.PLACES)} "))


def _person(dice: Dice) -> str:
    return f"{dice.pick(catalogue.FIRST_NAMES)} {dice.pick(catalogue.LAST_NAMES)}"


def _paragraph(dice: Dice) -> str | None:
    if dice.throw() < 0.05:
        return dice.pick(("", None))  # opened and left empty, or never opened
    return "\r\n".join(dice.pick(catalogue.SENTENCES) for _ in range(1 + dice.below(4)))


def _day(dice: Dice) -> str:
    return f"{2016 + dice.below(9)}-{1 + dice.below(12):02}-{1 + dice.below(28):02}"


def _signature(dice: Dice) -> str:
    points = " ".join(f"{dice.below(300)},{dice.below(80)}" for _ in range(8))
    return f'<svg xmlns="http://www.w3.org/2000/svg"><polyline points="{points}"/></svg>'


_ANSWERS: dict[str, Callable[[Dice], str | None]] = {
    "TextBox": _text,
    "TextArea": _paragraph,
    "Email": lambda dice: f"person{dice.below(900)}@example.com",
    "Phone": lambda dice: f"+61 3 5550 {dice.below(10_000):04}",
    "Number": lambda dice: str(dice.below(500)),
    "Currency": lambda dice: f"{dice.below(90_000) / 100:.2f}",
    "Date": _day,
    "Time": lambda dice: f"{dice.below(24):02}:{dice.below(60):02}",
    "FileUpload": lambda dice: f"/uploads/{dice.below(100_000):05}/scan {dice.below(9)}.pdf",
    "Url": lambda dice: f"https://example.net/item?id={dice.below(9_000)}&lang=en",
    "Rating": lambda dice: str(1 + dice.below(5)),
    "Signature": _signature,
    "Hidden": lambda dice: f"{{ref:{dice.below(1_000_000)}}}",
    "CheckBox": lambda dice: dice.pick(("true", "false")),
}
