import re

from transfer.mapping.codes import CODES, Code, Severity
from transfer.mapping.findings import AnswerLedger


def test_every_code_has_a_severity_a_rule_and_a_meaning():
    assert list(CODES) == list(Code)
    for code in Code:
        assert code.info.severity in Severity
        assert re.fullmatch(r"[MR]\d+(, [MR]\d+)*", code.info.rule)
        assert code.info.meaning


def test_every_warning_says_why_it_is_accepted_and_no_error_does():
    for code in Code:
        reason = code.info.reason
        assert bool(reason) == (code.info.severity is Severity.WARNING)
        assert not reason.endswith(".")
        assert reason != code.info.meaning


def test_codes_fit_their_column_and_are_named_as_they_are_written():
    for code in Code:
        assert code.value == code.name.lower()
        assert len(code.value) <= 100


def test_an_answer_that_went_anywhere_was_read():
    assert AnswerLedger(1, 20, 300, 4000, 50000).read == 54321
