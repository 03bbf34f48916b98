"""The proof that v3 is what the rules make of v2: derived anew, compared record by record.

Nothing here calls transfer.mapping's functions: a mistake made there must not be made again here.
The rules are docs/mapping.md's, written a second time.

rules, reference   single values, and v2's small tables
expected, submissions   v2 records → the documents v3 has to hold
stored       v3's rows → the same documents, v2's answers rebuilt from the JSON
document     one record as a document: its digest, and where two of them differ
slugs, numbers   the decisions that depend on other rows; claims: what others wanted of them
errors       which open errors nothing in v2 explains any more
compare      one page of records against the other
reading      which records, page by page, or a sample of them
books        what was found, and how far it got, kept in v3
service      a whole verification, stopped and gone on with at will
"""
