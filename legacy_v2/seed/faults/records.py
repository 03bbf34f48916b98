"""Faults of any record, of organizations and of users: M3 to M6."""

from legacy_v2.seed.faults.registry import fault
from legacy_v2.seed.workshop import Workshop
from transfer.mapping.codes import Code

NUL = "\x00"
LONE_SURROGATE = "\ud83d"  # half of an emoji that was cut in two

# Hours that a clock put forward skips, and hours that a clock put back shows twice.
GAPS = {
    "America/New_York": "2023-03-12 02:30:00.000000",
    "Europe/Berlin": "2023-03-26 02:30:00.000000",
    "Europe/London": "2023-03-26 01:30:00.000000",
    "Australia/Sydney": "2023-10-01 02:30:00.000000",
}
OVERLAPS = {
    "America/New_York": "2023-11-05 01:30:00.000000",
    "Europe/Berlin": "2023-10-29 02:30:00.000000",
    "Europe/London": "2023-10-29 01:30:00.000000",
    "Australia/Sydney": "2023-04-02 02:30:00.000000",
}
FIRST_MOMENT = "0001-01-01 00:00:00.000000"
LAST_MOMENT = "9999-12-31 23:59:59.999999"


@fault("M3", Code.TIME_GAP_OR_OVERLAP)
def hours_skipped_or_doubled(w: Workshop) -> None:
    """Submissions at hours that a zone with summer time skips or has twice (not in UTC)."""
    for time in sorted({*GAPS.values(), *OVERLAPS.values()}):
        w.submission(CreatedOn=time)


@fault("M3", Code.TIME_OUT_OF_RANGE)
def first_and_last_moment(w: Workshop) -> None:
    """Submissions at the first and the last moment of all; a zone pushes one of them out."""
    w.submission(CreatedOn=FIRST_MOMENT)
    w.submission(CreatedOn=LAST_MOMENT)


@fault("M3")
def form_without_time(w: Workshop) -> None:
    """A form without CreatedOn."""
    w.form(Name="Timeless", CreatedOn=None)


@fault("M3", Code.VALUE_UNUSABLE, sqlite_only=True)
def time_that_never_was(w: Workshop) -> None:
    """A user made on the 30th of February, which only SQLite holds: its times are text."""
    w.user(CreatedOn="2024-02-30 00:00:00.000000")


@fault("M4", Code.TEXT_CLEANED, sqlite_only=True)
def text_with_nul(w: Workshop) -> None:
    """U+0000 in a name, a user name, a setting, a choice, a field's name and an answer to it."""
    w.organization(Name=f"Null{NUL}Company")
    w.user(UserName=f"null{NUL}user")
    w.setting(Name=f"Help{NUL}Text", StoredValue=f"a{NUL}b")
    w.map(FieldId=w.pick, ChoiceId=w.choice(DisplayName=f"Perhaps{NUL}"))
    w.answer(FieldId=w.field(Name=f"Null{NUL}Field"), FreeFormEntry=f"before{NUL}after")


@fault("M4", Code.TEXT_CLEANED, sqlite_only=True)
def text_with_lone_surrogate(w: Workshop) -> None:
    """Half an emoji at the end of a title and of an answer."""
    w.form(Name="Halved Emoji", DisplayName=f"Halved {LONE_SURROGATE}")
    w.answer(FreeFormEntry=f"cut off {LONE_SURROGATE}")


@fault("M4", Code.NUMBER_DUPLICATE, sqlite_only=True)
def equal_once_cleaned(w: Workshop) -> None:
    """Two lookup codes that differ in nothing but U+0000 and U+FFFD: cleaning comes first."""
    w.submission(LookupCode=f"CLEAN-{NUL}")
    w.submission(LookupCode="CLEAN-\ufffd")


@fault("M4")
def text_kept_as_it_is(w: Workshop) -> None:
    """Blanks around an answer, a decomposed accent, a right-to-left mark: nothing is touched."""
    w.answer(FreeFormEntry="  \tCafe\u0301 \u200f\N{THUMBS UP SIGN}\r\n ")


@fault("M5")
def one_name_twice(w: Workshop) -> None:
    """Three organizations of one name, and one that has the slug the second would get."""
    for name in ("Twin Peaks", "Twin Peaks", "twin peaks", "Twin Peaks 2"):
        w.organization(Name=name)


@fault("M5")
def no_slug_in_the_name(w: Workshop) -> None:
    """Organizations whose name is empty, blank or nothing but symbols."""
    for name in ("", " ", "★★★"):
        w.organization(Name=name)


@fault("M5")
def long_name_twice(w: Workshop) -> None:
    """Two organizations of one name that fills all 255 characters."""
    for _ in range(2):
        w.organization(Name="Long " * 51)


@fault("M6", Code.EMAIL_MISSING)
def user_without_email(w: Workshop) -> None:
    """A user whose email is NULL, and one whose email is empty."""
    w.user(Email=None)
    w.user(Email="")


@fault("M6", Code.EMAIL_DUPLICATE)
def email_used_twice(w: Workshop) -> None:
    """Two users of an organization whose emails differ only in case; elsewhere it is free."""
    w.user(Email="Same.Person@example.org")
    w.user(Email="same.person@EXAMPLE.org")
    w.user(Email="same.person@example.org", OrganizationId=w.organization(Name="Elsewhere"))


@fault("M6", Code.ORGANIZATION_UNKNOWN)
def user_of_no_organization(w: Workshop) -> None:
    """A user of an organization that does not exist."""
    w.user(OrganizationId=w.nowhere())


@fault("M6", Code.VALUE_TOO_LONG, sqlite_only=True)
def email_too_long(w: Workshop) -> None:
    """A user whose email is longer than v3's column; SQL Server would not hold it either."""
    w.user(Email=f"{'x' * 300}@example.org")


@fault("M6")
def user_nearly_empty(w: Workshop) -> None:
    """An inactive user with nothing but an email."""
    w.user(UserName=None, FirstName=None, LastName=None, IsActive=False)
