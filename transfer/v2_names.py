"""The names of the v2 at hand, from the settings into v2's models."""

from django.conf import settings

from legacy_v2 import names
from transfer.options import read_mapping_file


def apply_names() -> None:
    """Let v2's models have the tables' and columns' names that V2_MAPPING gives them.

    Before v2 is looked at: queries hold the names that were in use when they were composed.

    Raises:
        ConfigurationError: the file cannot be read, or says something that cannot be used.
    """
    mapping = read_mapping_file(settings.V2_MAPPING)
    names.use(mapping.tables, mapping.columns)
