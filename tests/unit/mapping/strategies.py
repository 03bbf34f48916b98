"""What hypothesis draws from."""

from hypothesis import strategies as st

# Any text Python can hold: NUL, halves of surrogate pairs and all.
any_text = st.text(st.characters(codec=None, categories=None), max_size=12) | st.sampled_from(
    ["", " ", "\x00", "\ud800", "a\udc00b", "\ud83d\ude00", "é", "\\u0000", "ﬁn"]
)
any_time = st.datetimes()  # naive, the years 1 to 9999
