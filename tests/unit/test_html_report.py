"""The HTML report: its verdict, its tables and charts, and that nothing in it is anybody else's."""

import os
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pages import Page
from tests.properties import examples
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
from transfer.html_verdict import verdict
from transfer.verify_report import VerifyReport


def page(written):
    return Page(render_html(written)).root


def words(element):
    return " ".join(element.text().split())


def section(root, name):
    [found] = [each for each in root.all("section") if each.attributes.get("id") == name]
    return found


def cells(element):
    """The rows of an element's tables, without the heads."""
    rows = [row for body in element.all("tbody") for row in body.all("tr")]
    return [[words(cell) for cell in row.inside if not isinstance(cell, str)] for row in rows]


class TestVerdict:
    @pytest.mark.parametrize(
        ("changes", "kind", "headline"),
        [
            ({}, "good", "Everything arrived"),
            ({"status": "WARNING"}, "accepted", "Everything arrived; some of it differs"),
            ({"status": "OPEN", "errors": 2}, "open", "Not finished: 2 open errors"),
            ({"status": "OPEN", "errors": 1}, "open", "Not finished: 1 open error"),
            ({"status": "OPEN"}, "open", "Not finished: open errors"),
            ({"status": "FAILED"}, "bad", "Failed: do not go live"),
            ({"status": None}, "bad", "No verdict"),
            ({"status": "<b>"}, "bad", "No verdict"),
        ],
        ids=str,
    )
    def test_it_comes_first_in_plain_words(self, changes, kind, headline):
        root = page(document(**changes))
        [box] = root.all("section", "verdict")
        assert box.classes == ["verdict", kind]
        assert words(box.all(of="headline")[0]).startswith(headline)
        assert "What to do" in words(box)
        assert root.all("section")[0] is box

    @pytest.mark.parametrize("status", ["PASSED", "WARNING"])
    def test_what_contradicts_itself_is_never_good(self, status):
        assert verdict(document(status=status, errors=1)).kind == "open"
        found = differences(difference())
        assert verdict(document(status=status, differences=found)).kind == "bad"
        assert verdict(document(status=status, differences=found, errors=1)).kind == "bad"

    def test_no_checks_is_what_the_report_itself_says(self):
        assert verdict(VerifyReport("m", "v2", "v3").as_json()).kind == "bad"

    @pytest.mark.parametrize(("status", "promise"), [("PASSED", True), ("FAILED", False)])
    def test_a_sample_promises_no_more_than_a_sample(self, status, promise):
        said = verdict(document(status=status, sample=500))
        assert said.headline.endswith("as far as a sample tells") is promise
        assert any("500 records were compared" in line for line in said.meaning) is promise
        assert "a sample: the values of 500 records" in page(document(sample=500)).text()

    def test_the_next_command_is_there_for_a_shell(self):
        assert verdict(document(status="OPEN", migration="a night's")).command == (
            """manage.py retry_v2 --name 'a night'"'"'s'"""
        )
        assert verdict(document(status="OPEN", migration="-x")).command.endswith("--name=-x")

    @pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b", None, 7])
    def test_there_is_none_for_a_name_no_shell_line_holds(self, name):
        assert verdict(document(status="OPEN", migration=name)).command == ""


class TestContents:
    def test_it_says_what_was_compared_when_and_how_long(self):
        [facts] = page(document(resumed=True)).all("dl")
        said = words(facts)
        assert "v2, the source SQLite v2.sqlite3" in said.replace("source", "source ").replace(
            "  ", " "
        )
        for part in ("PostgreSQL 18 pliers", "everything", "2025-01-22 23:15:00 UTC", "12.3 s"):
            assert part in said
        assert "stopped in between" in said
        assert "stopped in between" not in words(page(document()).all("dl")[0])

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [(0, "0.0 s"), (59.94, "59.9 s"), (250, "4 min 10 s"), (7380, "2 h 3 min"), ("x", None)],
    )
    def test_a_duration_reads_as_people_say_it(self, seconds, said):
        facts = words(page(document(seconds=seconds)).all("dl")[0])
        assert ("Took" in facts) is (said is not None)
        assert said is None or said in facts

    def test_the_checks_have_strategy_s_columns(self):
        checks = section(page(failed()), "checks")
        head = [words(cell) for cell in checks.all("thead")[0].all("th")]
        wanted = ["check_name", "source_count", "target_count", "difference", "status"]
        assert head[:5] == wanted
        assert ["Submissions", "2,000", "1,996", "4", "FAILED"] in [
            row[:5] for row in cells(checks)
        ]

    def test_a_check_without_a_source_shows_none(self):
        assert ["Orphans", "", "0", "", "PASSED", ""] in cells(section(page(document()), "checks"))

    def test_each_table_is_told_with_its_digests(self):
        compared = cells(section(page(failed()), "tables"))
        row = ["submissions", "FormSubmission", "2,000", "1,960", "31", "2", "3", "3", "1"]
        assert row in compared
        assert [row[3] for row in compared if len(row) == 4] == [
            "equal",
            "equal",
            "not equal",
            "not equal",
        ]

    def test_a_missing_digest_is_not_equal_to_another_missing_one(self):
        tables = [table("users", "User", 1, digest_v2=None, digest_v3=None)]
        assert cells(section(page(document(tables=tables)), "tables"))[-1][-1] == "not known"

    def test_differences_have_kind_record_column_and_both_values(self):
        rows = cells(section(page(failed()), "differences"))
        assert any(
            "00000000004d" in row[0]
            and row[1] == "differentdata[FullName]"
            and row[2:] == ['"Ada Lovelace"', '"Ada Loveluce"']
            for row in rows
        )
        assert ["missing in v3", '{"Id": 1}', "no value"] in [row[1:] for row in rows]
        assert ["missing in v2data[Extra]", "no value", "null"] in [row[1:] for row in rows]

    def test_what_the_file_does_not_hold_is_said(self):
        assert "and 1,228 more" in words(section(page(failed()), "differences"))

    def test_accepted_differences_stand_apart(self):
        root = page(failed())
        row = ["number_missing", "M12", "submissions", "31"]
        assert cells(section(root, "accepted"))[0][:4] == row
        assert "number_missing" not in words(section(root, "differences"))

    @pytest.mark.parametrize(("errors", "said"), [(0, "None."), (1, "1 error of"), (4, "4 errors")])
    def test_open_errors_are_counted(self, errors, said):
        assert said in words(section(page(document(errors=errors)), "open-errors"))


class TestCharts:
    def charts(self, written):
        return {each.all("title")[0].text(): each for each in page(written).all("figure", "chart")}

    def test_each_has_a_title_and_says_in_words_what_it_draws(self):
        charts = self.charts(failed())
        assert list(charts) == [
            "Records of each table, by what the comparison says",
            "Differences by place",
            "Submissions of the largest organizations in v2 and v3",
        ]
        for chart in charts.values():
            [svg] = [each for each in chart.all("svg") if each.attributes.get("role") == "img"]
            names = {
                each.attributes["id"]: each.text() for each in svg.all() if "id" in each.attributes
            }
            labels = [names[name] for name in svg.attributes["aria-labelledby"].split()]
            assert all(labels)
        first = next(iter(charts.values()))
        assert (
            "submissions: equal 1,960, accepted difference 31, open error 2, different 3,"
            " missing in v3 3, missing in v2 1"
        ) in first.all("desc")[0].text()

    def test_a_bar_is_as_wide_as_its_share_and_what_is_there_is_seen(self):
        tables = [table("users", "User", 30_000_001, equal=30_000_000, different=1)]
        [chart] = self.charts(document(tables=tables, groups=[])).values()
        svg = next(each for each in chart.all("svg") if each.attributes.get("role") == "img")
        equal, different = (float(each.attributes["width"]) for each in svg.all("rect"))
        assert different == 3.0
        assert equal + different == 1000

    def test_amounts_have_one_scale(self):
        written = document(tables=[], groups=[group(1, 1000, 500), group(2, 250)])
        [chart] = self.charts(written).values()
        svg = next(each for each in chart.all("svg") if each.attributes.get("role") == "img")
        widths = [float(each.attributes["width"]) for each in svg.all("rect")]
        assert [width / widths[0] for width in widths] == pytest.approx(
            [1, 0.5, 0.25, 0.25], abs=0.001
        )

    def test_the_legend_names_what_is_drawn_and_nothing_else(self):
        [chart, *_] = self.charts(document()).values()
        assert [words(each) for each in chart.all("span", "entry")] == ["equal"]

    def test_nothing_to_draw_is_no_chart(self):
        assert self.charts({}) == {}

    def test_a_table_of_no_records_is_drawn_without_a_bar(self):
        [chart] = self.charts(document(tables=[table("users", "User", 0)], groups=[])).values()
        assert "users: none" in chart.all("desc")[0].text()


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
