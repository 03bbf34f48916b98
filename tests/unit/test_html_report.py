"""The HTML report: its verdict, its tables and its charts."""

import pytest

from tests.report_pages import cells, page, section, words
from tests.verify_documents import difference, differences, document, failed, group, table
from transfer.html_verdict import verdict
from transfer.verify_report import VerifyReport


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
