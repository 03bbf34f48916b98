"""Settings of the tests: the project's own, on a server of the tests' own."""

from pliers.settings import *  # noqa: F403
