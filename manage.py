#!/usr/bin/env python
"""The command line of Pliers v2 → v3."""

import gc
import sys

# Nearly all that a start makes stays: to look for garbage after each 700 objects, as is usual,
# takes a sixth of it.
gc.set_threshold(100_000)

try:
    from pliers.commandline import main
except ModuleNotFoundError as error:
    sys.exit(
        f"error: {error.name} is not installed: run make demo once, then .venv/bin/python manage.py"
    )

if __name__ == "__main__":
    sys.exit(main(sys.argv))
