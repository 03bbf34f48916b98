"""The one error of this package."""


class EmbeddedError(Exception):
    """The embedded server cannot be started, used or stopped; the message is one line."""
