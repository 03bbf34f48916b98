"""An HTML page taken apart, so that a test can ask what a browser would make of it."""

from html.parser import HTMLParser

VOID = {"meta", "br", "img", "input", "link", "hr", "base"}


class Element:
    """An element with what is in it: texts and elements, in order."""

    def __init__(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tag = tag
        self.attributes = dict(attributes)
        self.inside: list[str | Element] = []

    @property
    def classes(self) -> list[str]:
        return (self.attributes.get("class") or "").split()

    def text(self, *, without: str = "") -> str:
        """The text a reader sees, but for elements of a class."""
        return "".join(
            part if isinstance(part, str) else part.text(without=without)
            for part in self.inside
            if isinstance(part, str) or not without or without not in part.classes
        )

    def all(self, tag: str = "", of: str = "") -> list["Element"]:
        """Every element inside of this tag and class, in the order of the page."""
        found = []
        for part in self.inside:
            if isinstance(part, Element):
                if (not tag or part.tag == tag) and (not of or of in part.classes):
                    found.append(part)
                found += part.all(tag, of)
        return found


class Page(HTMLParser):
    """A page, parsed; fails where an element is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", [])
        self._open = [self.root]
        self.feed(text)
        self.close()
        assert self._open == [self.root], "an element is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, attrs)
        self._open[-1].inside.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].inside.append(Element(tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> inside <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].inside.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def outline(self, *without: str) -> list[tuple[str, tuple[tuple[str, str | None], ...]]]:
        """Every element with its attributes, in order, but for those of some tags."""
        return [
            (element.tag, tuple(sorted(element.attributes.items())))
            for element in self.root.all()
            if element.tag not in without
        ]
