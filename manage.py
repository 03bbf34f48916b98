#!/usr/bin/env python
"""The command line of Pliers v2 → v3."""

import sys

try:
    from pliers.commandline import main
except ModuleNotFoundError as error:
    sys.exit(
        f"error: {error.name} is not installed: run make demo once, then .venv/bin/python manage.py"
    )

if __name__ == "__main__":
    sys.exit(main(sys.argv))
