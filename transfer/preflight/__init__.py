"""The checklist before a migration: what is there, what will happen, and what to do about it."""
