"""The demo v2 database: believable, the same for the same arguments, and faulty on request.

design: organizations, users and forms; submissions: the stream of them; faults: records for
every rule of the mapping; writers: SQLite or PostgreSQL; service: all of it together.
"""
