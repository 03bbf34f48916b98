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


def test_ledgers_add_up():
    total = AnswerLedger(1, 2, 3, 4, 5).plus(AnswerLedger(10, 20, 30, 40, 50))

    assert total == AnswerLedger(11, 22, 33, 44, 55)
    assert total.read == 165
