"""The mapping: pure functions from v2 rows to v3 rows, a module per v3 table, no I/O."""

# Goes up whenever a rule changes what becomes of a v2 row. Part of a migration's fingerprint:
# one begun under one version of the rules is not finished under another.
RULES_VERSION = 1
