"""Django's backend for a v2 in SQL Server: mssql-django's, less what would hurt a live v2.

``base`` prepares sessions, ``compiler`` writes the T-SQL. The vendor stays ``microsoft``.
"""

from django.conf import settings

from pliers import drivers

# Django loads a backend where it is first used, perhaps before any check has run; mssql-django
# would then name a file that is missing, and not the package to install.
drivers.require(settings.DATABASES.get("v2", {}))
