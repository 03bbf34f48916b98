"""What v2 holds that a rule of the mapping is for, counted before anything is moved."""

from transfer.census.hazard import Hazard
from transfer.census.service import Present, take_census

__all__ = ["Hazard", "Present", "take_census"]
