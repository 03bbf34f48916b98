"""What the demo database is about: believable organizations, forms, fields and answers."""

from typing import NamedTuple


class Company(NamedTuple):
    """An organization: its name, and what its lookup codes begin with."""

    name: str
    prefix: str


COMPANIES = (
    Company("Acme Facilities", "ACME"),
    Company("Northwind Schools", "NWS"),
    Company("Müller & Söhne GmbH", "MSG"),
    Company("Ballarat City Council", "BCC"),
    Company("Contoso Health", "CH"),
    Company("Société Nouvelle de Nettoyage", "SNN"),
    Company("Fabrikam Logistics", "FAB"),
    Company("株式会社サンプル", "KKS"),
)


class FormPlan(NamedTuple):
    """A form that a company may use."""

    name: str
    title: str
    description: str


FORMS = (
    FormPlan("IncidentReport", "Incident Report", "Tell us what happened, where and to whom."),
    FormPlan("Leave Request", "Leave Request", "At least two weeks ahead, please."),
    FormPlan("Equipment_Check", "Equipment Check", "To be filled in before every shift."),
    FormPlan("Visitor-Registration", "Visitor Registration", "For everyone without a badge."),
    FormPlan("Complaint", "Complaint or Praise", "We answer within five working days."),
    FormPlan("SiteInspection", "Site Inspection", "One form a building."),
    FormPlan("ExpenseClaim", "Expense Claim", "Receipts are to be attached."),
    FormPlan("Onboarding", "Onboarding Checklist", "For the first day."),
    FormPlan("Permit Application", "Permit Application", "Fees: see the schedule."),
    FormPlan("Patient Feedback", "Patient Feedback", "Anonymous unless you say otherwise."),
    FormPlan("Cleaning Log", "Cleaning Log", "Every room, every day."),
    FormPlan("Anfrage", "Anfrage / Enquiry", "Auf Deutsch oder Englisch."),
)


class FieldPlan(NamedTuple):
    """A field of a form: its type and what can be answered."""

    name: str
    label: str
    type: str
    choices: tuple[str, ...] = ()


FIELDS = (
    FieldPlan("FullName", "Full name", "TextBox"),
    FieldPlan("EmailAddress", "E-mail address", "Email"),
    FieldPlan("Department", "Department", "DropDown", (
        "Administration", "Field Service", "Finance", "Human Resources", "IT", "Operations",
    )),
    FieldPlan("Description", "What is it about?", "TextArea"),
    FieldPlan("DateOfEvent", "Date", "Date"),
    FieldPlan("Severity", "Severity", "RadioButton", ("Low", "Medium", "High", "Critical")),
    FieldPlan("Affected", "Who is affected?", "CheckBox", (
        "Staff", "Visitors", "Contractors", "Public", "Nobody",
    )),
    FieldPlan("Phone", "Telephone", "Phone"),
    FieldPlan("Site", "Site", "TextBox"),
    FieldPlan("Quantity", "How many?", "Number"),
    FieldPlan("Photo", "Photo or document", "FileUpload"),
    FieldPlan("Injured", "Was anyone hurt?", "YesNo", ("Yes", "No")),
    FieldPlan("Measures", "Measures taken", "CheckBox", (
        "Area closed", "Police called", "First aid given", "Repaired", "None so far",
    )),
    FieldPlan("TimeOfDay", "Time", "Time"),
    FieldPlan("Amount", "Amount", "Currency"),
    FieldPlan("Consent", "I have read the rules", "CheckBox"),
    FieldPlan("Country", "Country", "DropDown", (
        "Australia", "Côte d\N{RIGHT SINGLE QUOTATION MARK}Ivoire", "Deutschland", "France", "日本",
        "United Kingdom",
    )),
    FieldPlan("Website", "Website", "Url"),
    FieldPlan("Rating", "How did we do?", "Rating"),
    FieldPlan("Remarks", "Anything else?", "TextArea"),
    FieldPlan("Supervisor", "Supervisor", "TextBox"),
    FieldPlan("Signature", "Signature", "Signature"),
    FieldPlan("Reference", "Your reference", "Hidden"),
    FieldPlan("Room", "Room", "TextBox"),
)  # fmt: skip

# Weighted as in an old system: most are long done.
STATUSES = {
    "Draft": 8,
    "Submitted": 30,
    "Approved": 30,
    "Rejected": 8,
    "Processing": 7,
    "Completed": 12,
    "Archived": 5,
}

SETTINGS: dict[str, dict[str, str]] = {
    "TextBox": {"MaxLength": "100", "Placeholder": "Type here"},
    "TextArea": {"Rows": "5", "MaxLength": "4000"},
    "DropDown": {"EmptyText": "Please choose…"},
    "CheckBox": {"Columns": "2"},
    "RadioButton": {"Layout": "Horizontal"},
    "Date": {"Format": "yyyy-MM-dd", "NotAfterToday": "True"},
    "Number": {"Min": "0", "Max": "10000"},
    "Currency": {"Symbol": "€", "Decimals": "2"},
    "FileUpload": {"MaxSizeMb": "10", "Extensions": ".pdf,.jpg,.png"},
    "Rating": {"Stars": "5"},
}

FIRST_NAMES = (
    "Ada", "Björn", "Chloé", "Dmitri", "Eleni", "Fatima", "Giulia", "Håkon", "Ines", "Jörg",
    "Kenji", "Łucja", "Maryam", "Noah", "Olu", "Priya", "Quentin", "Rosa", "Siobhán", "Tomás",
)  # fmt: skip
LAST_NAMES = (
    "Andersen", "Brown", "Çelik", "Dubois", "Eriksson", "Fischer", "García", "Haddad", "Ivanova",
    "Jones", "Kowalski", "Lefèvre", "Müller", "Nguyễn", "O\N{RIGHT SINGLE QUOTATION MARK}Brien",
    "Papadopoulos", "Rossi", "Sato", "Tanaka", "Weiß",
)  # fmt: skip
PLACES = (
    "Harbour depot", "Main building", "North wing", "Warehouse 7", "Car park B", "Zürich office",
    "Head office", "Laboratory", "Canteen", "Workshop", "Gate 3", "Loading bay",
)  # fmt: skip
SENTENCES = (
    "The floor was wet and the sign had not been put up.",
    "Everything went as planned.",
    "Nobody was there when we arrived, so we left a note.",
    "Please call me back before noon.",
    "The invoice does not match the order; see attachment.",
    "Das Gerät wurde außer Betrieb genommen.",
    "Le rapport sera envoyé demain matin.",
    "It has happened three times since March \N{EM DASH} always on a Monday.",
    'He said "it is fine" and signed.',
    "Temperature 21 °C, humidity < 40 %, C:\\logs\\sensor_4.txt saved.",
    "Thank you! \N{THUMBS UP SIGN}",
    "配達は午前中に完了しました。",
)
