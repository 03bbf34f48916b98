"""What hypothesis draws from, and how hard it tries.

The draws are the same on every run (derandomize): a commit fails for what it changes, never
for luck. ``HYPOTHESIS_SEARCH=1`` draws anew, and longer.
"""

import os

from hypothesis import settings
from hypothesis import strategies as st

_SEARCH = bool(os.environ.get("HYPOTHESIS_SEARCH"))
PROPERTY = settings(
    max_examples=2000 if _SEARCH else 100,
    deadline=None,
    derandomize=not _SEARCH,
    database=None,
)

# Any text Python can hold: NUL, halves of surrogate pairs and all.
any_text = st.text(st.characters(codec=None, categories=None), max_size=12) | st.sampled_from(
    ["", " ", "\x00", "\ud800", "a\udc00b", "\ud83d\ude00", "é", "\\u0000", "ﬁn"]
)
any_time = st.datetimes()  # naive, the years 1 to 9999
