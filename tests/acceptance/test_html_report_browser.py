"""The HTML report as a person meets it: opened from disk in a real browser."""

import pytest

from tests.browser import Browser
from tests.verify_documents import check, difference, differences, document, failed, group, table
from transfer.html_report import write_html

pytestmark = pytest.mark.browser

ATTACKS = [
    "<script>window.hacked = 1</script>",
    "</style><script>window.hacked = 1</script>",
    "</title></svg></textarea><img src=x onerror='window.hacked = 1'>",
    "<svg onload='window.hacked = 1'>",
    "\"' onmouseover='window.hacked = 1' autofocus onfocus='window.hacked = 1'",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css><style>@import 'http://127.0.0.1:9/y'",
    "<iframe src='http://127.0.0.1:9/'></iframe><base href='http://127.0.0.1:9/'>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "javascript:window.hacked=1",
    "{{ document }}{% include 'x' %}",
    "\x00\x1b]0;x\x07\u202e\ud800\ufeff",
]


@pytest.fixture
def browser(tmp_path):
    with Browser(tmp_path / "profile") as browser:
        yield browser


def opened(browser, tmp_path, written, name="report.html"):
    path = tmp_path / name
    write_html(path, written)
    browser.open(path.as_uri())
    return path


def asked_for(browser):
    return browser.ask("performance.getEntriesByType('resource').map(entry => entry.name)")


def test_it_opens_from_disk_asks_for_nothing_and_complains_of_nothing(browser, tmp_path):
    path = opened(browser, tmp_path, failed(), name="a report, 100 %.html")

    assert browser.requests == [path.as_uri()]
    assert asked_for(browser) == []
    assert browser.problems == []
    assert browser.ask("document.title") == "night: Failed: do not go live"
    verdict = "getComputedStyle(document.querySelector('.verdict .headline'))"
    assert float(browser.ask(f"parseFloat({verdict}.fontSize)")) >= 28, "no styles"
    assert browser.ask("document.querySelector('.verdict').getBoundingClientRect().top < 120")
    pattern = "getComputedStyle(document.querySelector('.part.different')).fill"
    assert "crosses" in browser.ask(pattern), "told apart by colour alone"


def test_nothing_a_person_typed_runs_loads_or_leads_anywhere(browser, tmp_path):
    written = document(
        migration=ATTACKS[2],
        status="FAILED",
        source=ATTACKS[1],
        checks=[check(text, 1, 1, note=text, status=text) for text in ATTACKS],
        tables=[table(text, text, 2, digest_v2=text, different=1) for text in ATTACKS],
        groups=[
            group(number, number) | {"check_name": text, "id": text}
            for number, text in enumerate(ATTACKS)
        ],
        accepted_differences=[dict.fromkeys(("name", "rule", "reason"), text) for text in ATTACKS],
        differences=differences(
            *(
                difference(record_id=text, column=text, kind=text, v2_value=text, v3_value="x")
                for text in ATTACKS
            )
        ),
    )

    path = opened(browser, tmp_path, written)

    assert browser.ask("typeof window.hacked") == "undefined"
    assert (
        browser.ask("document.querySelectorAll('script, img, iframe, link, base, a').length") == 0
    )
    assert browser.requests == [path.as_uri()]
    assert asked_for(browser) == []
    assert browser.problems == []
    assert browser.ask("location.href") == path.as_uri()
    names = "[...document.querySelectorAll('#checks tbody th')].map(cell => cell.textContent)"
    assert browser.ask(names)[:-1] == ATTACKS[:-1]


def test_a_script_that_got_in_all_the_same_would_not_run(browser, tmp_path):
    path = opened(browser, tmp_path, document())
    page = path.read_text().replace("</main>", "<script>window.hacked = 1</script></main>")
    path.write_text(page)

    browser.open(path.as_uri())

    assert browser.ask("document.querySelectorAll('script').length") == 1
    assert browser.ask("typeof window.hacked") == "undefined"
    assert any("Content Security Policy" in problem for problem in browser.problems)


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_the_page_is_no_wider_than_the_window(browser, tmp_path, width):
    browser.resize(width)
    opened(browser, tmp_path, failed())
    assert browser.ask("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_words_stand_out_from_the_paper_in_light_and_in_dark(browser, tmp_path, scheme):
    browser.prefer(scheme)
    opened(browser, tmp_path, failed())
    paper = brightness(browser, "body", "backgroundColor")
    assert (paper > 0.5) is (scheme == "light")
    for place in ("body", ".headline", ".status.PASSED", ".status.OPEN", ".quiet", "figcaption"):
        ink = brightness(browser, place, "color")
        lighter, darker = max(ink, paper), min(ink, paper)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, place


def brightness(browser, place, what):
    """The relative luminance of an element's colour, as WCAG 2 has it."""
    colour = browser.ask(f"getComputedStyle(document.querySelector({place!r})).{what}")
    channels = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
