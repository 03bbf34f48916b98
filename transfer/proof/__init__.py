"""The proof that v3 is what the rules make of v2: derived anew, compared record by record.

Nothing here calls transfer.mapping's functions: a mistake made there must not be made again here.
The rules are docs/mapping.md's, written a second time.

rules, reference   single values, and v2's small tables
expected, submissions   v2 records → the documents v3 has to hold
stored       v3's rows → the same documents, v2's answers rebuilt from the JSON
document     one record as a document: its digest, and where two of them differ
slugs, numbers   the decisions that depend on other rows; claims: what others wanted of them
errors       which open errors nothing in v2 explains any more
plain        submissions that are equal beyond doubt, a page at a time; all others go the long way
compare, compare_submissions   one page of records against the other; compared: what that came to
reading      which records, page by page, in ranges, or a sample of them
paging       pages compared one after another, each while the next one is on its way
member, side_by_side   the same by several processes: what each does, and who hands out the ranges
tally        what was found so far; keeper, books: kept in v3, with how far it got
service      a whole verification, stopped and gone on with at will
"""
