"""Faulty records for every rule of the mapping, M3 to M18: ``FAULTS``, in the rules' order."""

from legacy_v2.seed.faults import answers, forms, records, submissions
from legacy_v2.seed.faults.registry import FAULTS, Fault

__all__ = ["FAULTS", "Fault", "answers", "forms", "records", "submissions"]

FAULTS.sort(key=lambda item: int(item.rule.removeprefix("M")))
