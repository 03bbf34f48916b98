"""Django's backend for a v2 in SQL Server: mssql-django's, less what would hurt a live v2.

``base`` prepares sessions, ``compiler`` writes the T-SQL. The vendor stays ``microsoft``.
"""
