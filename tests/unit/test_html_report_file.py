"""The HTML report as a file: bounded, whole, and nothing in it is anybody else's."""

import os
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pages import Page
from tests.properties import examples
from tests.report_pages import cells, page, section, words
from tests.unit.test_html_values import TEXT
from tests.verify_documents import check, difference, differences, document, failed, group, table
from transfer.exceptions import ConfigurationError
from transfer.html_report import (
    BARS_SHOWN,
    CHECKS_SHOWN,
    CONTENT_SECURITY_POLICY,
    DIFFERENCES_SHOWN,
    GROUPS_SHOWN,
    PLACES_SHOWN,
    render_html,
    write_html,
)
from transfer.verify_report import VerifyReport


class TestBounds:
    def test_thousands_of_everything_make_a_small_file_that_says_so(self):
        many = 5000
        ids = [f"5e-{number}" for number in range(many)]
        written = document(
            status="FAILED",
            checks=[check(f"Check {n}", n, n) for n in range(many)],
            groups=[
                *(group(n, n) for n in range(1, many)),
                group(many, 1, 0),
                *(group(n, n, level="form") for n in range(many)),
            ],
            tables=[table(f"t{n}", "T", n) for n in range(many)],
            accepted_differences=[{"name": f"a{n}"} for n in range(many)],
            differences=differences(
                *(difference(record_id=key, column=key, v2_value="a" * 9000) for key in ids)
            ),
        )
        text = render_html(written)
        root = Page(text).root
        assert len(text) < 1_000_000
        assert len(cells(section(root, "checks"))) == CHECKS_SHOWN
        assert f"and {many - CHECKS_SHOWN:,} more" in words(section(root, "checks"))
        found = section(root, "differences")
        assert len(cells(found)) == DIFFERENCES_SHOWN + PLACES_SHOWN
        assert f"and {many - DIFFERENCES_SHOWN:,} more" in words(found)
        assert f"and {many - PLACES_SHOWN:,} more places" in words(found)
        organizations, forms = root.all("main")[0].all("section")[-2:]
        assert len(cells(organizations)) == len(cells(forms)) == GROUPS_SHOWN
        assert cells(organizations)[0][0] == f"Organization no. {many}", "what failed comes first"
        assert f"and {many - GROUPS_SHOWN:,} more: 4,900 PASSED" in words(organizations)
        [chart] = organizations.all("figure")
        assert len(chart.all("text", "label")) == BARS_SHOWN

    @pytest.mark.parametrize(
        "written",
        [
            {},
            VerifyReport("m", "v2", "v3").as_json(),
            document(checks=[], tables=[], groups=[], differences={}),
            document(checks=None, tables=None, groups={}, differences=None, errors="x"),
            document(checks=[{}, None, 3], tables=[{}], groups=[{}, {"level": "form"}]),
            document(differences={"total": 1, "by_place": [{}], "shown": [{}, "x"]}),
            document(accepted_differences=[{}], verified_at="yesterday", seconds=True),
        ],
        ids=["nothing", "earlier", "empty", "null", "bare rows", "bare differences", "odd"],
    )
    def test_what_is_missing_or_of_another_version_is_no_crash(self, written):
        assert page(written).all("section", "verdict")


class TestAlone:
    def test_it_asks_nobody_for_anything_and_runs_nothing(self):
        root = page(failed())
        tags = {each.tag for each in root.all()}
        assert not tags & {
            "script",
            "link",
            "img",
            "iframe",
            "object",
            "embed",
            "base",
            "form",
            "a",
        }
        names = {name for each in root.all() for name in each.attributes}
        assert not names & {"src", "href", "xlink:href", "srcset", "action"}
        assert not [name for name in names if name.startswith("on")]
        [style] = root.all("style")
        assert "@import" not in style.text()
        assert set(re.findall(r"url\(([^)]*)\)", style.text())) == {
            "#stripes",
            "#dots",
            "#crosses",
            "#bands",
            "#slants",
        }

    def test_its_policy_forbids_all_but_its_styles_before_anything_else_is_read(self):
        head = page(document()).all("head")[0].all()
        assert [each.attributes.get("http-equiv") for each in head[:2]] == [
            None,
            "Content-Security-Policy",
        ]
        assert head[1].attributes["content"] == CONTENT_SECURITY_POLICY
        assert "default-src 'none'" in CONTENT_SECURITY_POLICY
        assert "script" not in CONTENT_SECURITY_POLICY


def hostile_document(text):
    """A report with the text in every place that could hold one."""
    return document(
        migration=text,
        source=text,
        target=text,
        verified_at=text,
        status="FAILED",
        checks=[check(text, 2, 1, note=text, status=text)],
        accepted_differences=[
            {"name": text, "rule": text, "of": text, "count": 1, "meaning": text, "reason": text}
        ],
        tables=[table(text, text, 1, digest_v2=text, digest_v3=text)],
        groups=[
            group(1, 2, 1) | {"id": text, "check_name": text, "status": text},
            group(1, 2, 1, level="form") | {"id": text, "check_name": text, "what": text},
        ],
        differences=differences(
            difference(
                table=text,
                v2_table=text,
                record_id=text,
                column=text,
                kind=text,
                v2_value=text,
                v3_value=f"{text}.",
            )
        ),
    )


class TestHostile:
    @examples(30, 2000)
    @given(TEXT.map(lambda text: f"a{text}z"))
    def test_no_text_becomes_an_element_or_an_attribute(self, text):
        html = render_html(hostile_document(text))
        benign = Page(render_html(hostile_document("a b\nz")))
        # The command is there for names a shell line holds; codes and invisibles are spans.
        found = Page(html)
        assert found.outline("span", "pre") == benign.outline("span", "pre")
        assert html.encode()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", html)

    @given(
        st.sampled_from(["</style>", "</title>", "</svg>", "<svg onload=x>", "-->", "<![CDATA["])
    )
    def test_nor_does_one_leave_the_place_it_is_in(self, text):
        root = page(hostile_document(text))
        [title] = root.all("head")[0].all("title")
        assert title.text().startswith(text)
        assert root.all("h1")[0].text().endswith(text)
        assert root.all("tbody")[0].all("th")[0].text() == text


class TestFile:
    def test_it_is_written_whole_over_what_was_there(self, tmp_path):
        path = tmp_path / "report.html"
        path.write_text("x" * 10_000_000)
        write_html(path, document())
        assert path.read_text(encoding="utf-8") == render_html(document())
        assert list(tmp_path.iterdir()) == [path]

    def test_a_link_stays_a_link(self, tmp_path):
        (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
        write_html(tmp_path / "link.html", document())
        assert (tmp_path / "link.html").is_symlink()
        assert (tmp_path / "real.html").stat().st_size

    def test_what_could_not_be_written_leaves_what_was_there(self, tmp_path, monkeypatch):
        path = tmp_path / "report.html"
        path.write_text("before")
        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(ConfigurationError, match=r"report\.html cannot be written: No space"):
            write_html(path, document())
        assert path.read_text() == "before"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_folder_is_refused(self, tmp_path):
        with pytest.raises(ConfigurationError, match="is a directory: name a file"):
            write_html(tmp_path, document())

    def test_a_folder_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(ConfigurationError, match=r"there is no folder .*missing"):
            write_html(tmp_path / "missing" / "report.html", document())

    def test_a_device_is_refused_and_stays(self):
        with pytest.raises(ConfigurationError, match="no ordinary file"):
            write_html(Path(os.devnull), document())
        assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def refuse(_):
    raise OSError(28, "No space left on device")
