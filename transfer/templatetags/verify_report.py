"""How the HTML report writes what comes out of the databases: every text through one filter."""

from django import template
from django.utils.safestring import SafeString

from transfer.html_charts import PARTS
from transfer.html_values import shown as shown_text
from transfer.verify_report import Verdict

register = template.Library()


@register.filter
def shown(value: object) -> SafeString:
    """A text: escaped, with invisible characters made visible, and cut where it is long."""
    return shown_text(value)


@register.filter
def figure(value: object) -> SafeString:
    """A count with its thousands set off; what is no count as the text it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        return shown_text(f"{value:,}")
    return shown_text(value)


@register.filter
def status_class(value: object) -> str:
    """A verdict as a class of the page's; nothing for what is none."""
    return str(value) if value in list(Verdict) else ""


@register.filter
def kind(value: object) -> SafeString:
    """The kind of a difference in words."""
    return shown_text(PARTS.get(str(value), value))
