"""The ``.env`` file: what people write in one, brought into the form django-environ reads.

A file is refused by the number of its line; no line is ever repeated, since it may hold a
password (R8).
"""

import re
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_ASSIGNMENT = re.compile(r"((?:export )?[A-Za-z_0-9]+=)(.*)")
_QUOTED = re.compile(r"""('[^']*'|"(?:[^"\\]|\\.)*")(?:\s+#.*)?""")
_COMMENT = re.compile(r"\s+#.*")


def read(file: Path) -> str:
    """Return the assignments of a ``.env`` file, one a line, for ``environ.Env.read_env``.

    Blank lines, comments and the blanks around a value go, as in every reader of such files. A
    comment begins with ``#``, at the start of a line or after a blank; within quotes ``#`` is a
    character like any other. The file may begin with a byte order mark.

    Args:
        file: the file, which may be missing: that is an empty one.

    Raises:
        ImproperlyConfigured: it cannot be read, is not UTF-8, or has a line that is no assignment.
    """
    try:
        if not file.is_file():
            return ""
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ImproperlyConfigured(f"{file.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{file.name} is not UTF-8 text: save it as UTF-8") from None
    lines = enumerate(text.splitlines(), start=1)
    return "\n".join(_assignment(line.strip(), f"{file.name}, line {n}") for n, line in lines)


def _assignment(line: str, where: str) -> str:
    if not line or line.startswith("#"):
        return ""
    found = _ASSIGNMENT.fullmatch(line)
    if not found or "\0" in line:
        # django-environ would log such a line as it is, password and all.
        raise ImproperlyConfigured(f"{where}: not NAME=value (no blanks around the =)")
    name, value = found.groups()
    if quoted := _QUOTED.fullmatch(value.strip()):
        return name + quoted[1]
    value = _COMMENT.sub("", value, count=1).strip()
    if value[:1] in {"'", '"'} and (len(value) == 1 or value[-1] != value[0]):
        raise ImproperlyConfigured(f"{where}: the quote that opens the value does not close it")
    return name + value
