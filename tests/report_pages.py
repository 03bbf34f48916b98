"""The HTML file of a verification, taken apart: what the tests of it look at."""

from typing import Any

from tests.pages import Element, Page
from transfer.html_report import render_html


def page(written: Any) -> Element:
    """The root of the file that a report is written as."""
    return Page(render_html(written)).root


def words(element: Element) -> str:
    """The element's text, each blank one."""
    return " ".join(element.text().split())


def section(root: Element, name: str) -> Element:
    """The section of this id."""
    [found] = [each for each in root.all("section") if each.attributes.get("id") == name]
    return found


def cells(element: Element) -> list[list[str]]:
    """The rows of an element's tables, without the heads."""
    rows = [row for body in element.all("tbody") for row in body.all("tr")]
    return [[words(cell) for cell in row.inside if not isinstance(cell, str)] for row in rows]
