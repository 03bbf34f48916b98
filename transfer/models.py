"""The engine's own tables in v3: how far each migration is, and what went wrong."""

from typing import ClassVar

from django.db import models
