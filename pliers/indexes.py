"""Indexes whose names PostgreSQL takes and Django's check would not."""

from django.db import models


class LongNamedIndex(models.Index):
    """An index with a name of up to 63 characters: Django allows 30, for Oracle's sake."""

    max_name_length = 63
