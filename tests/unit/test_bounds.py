"""What the tests take for a statement that reads a bounded part of v2."""

import pytest

from tests.sqlserver.bounds import MOST_KEYS, is_bounded

ANSWERS = "SELECT [Id] FROM [dbo].[FormSubmissionMetaData]"
SUBMISSIONS = "SELECT [Id], [LookupCode] FROM [dbo].[FormSubmission]"
INNER = "SELECT TOP 1 1 AS [a] FROM [dbo].[Field] U0 WHERE (U0.[FormTypeId] > @P1{} AND U0.[Id] = "
BOUNDED = [
    "SELECT 1",
    "SET LANGUAGE us_english",
    "SELECT name FROM sys.tables WHERE name = @P1",
    f"{SUBMISSIONS.replace('SELECT', 'SELECT TOP 5')} ORDER BY 1",
    f"{SUBMISSIONS.replace('SELECT', 'SELECT DISTINCT TOP 5')} WHERE [Id] > @P1",
    "SELECT COUNT_BIG(*) FROM [dbo].[FormSubmission]",
    "SELECT [FormTypeId] AS [f], COUNT_BIG(*) FROM [dbo].[FormSubmission] GROUP BY [FormTypeId]",
    f"{SUBMISSIONS} WHERE [Id] > @P1 AND [Id] <= @P2",
    f"{SUBMISSIONS} WHERE ([LookupCode] = @P1 AND ([FormSubmission].[Id] <= %s))",
    f"{SUBMISSIONS} WHERE [FormSubmission].[Id] = (@P1)",
    f"{SUBMISSIONS} WHERE [Id] IN (@P1, @P2)",
    f"{ANSWERS} WHERE [FormSubmissionId] IN ({', '.join(['@P1'] * MOST_KEYS)})",
    f"{ANSWERS} WHERE ([FormSubmissionId] > @P1 AND [FormSubmissionId] <= @P2)",
    "SELECT [Id] FROM [dbo].[Field] WHERE [FormTypeId] > @P1",
    "SELECT [Id] FROM [dbo].[Field] WHERE ([FormTypeId] <= @P1 OR [FormTypeId] IS NULL)",
    "SELECT [Id] FROM [dbo].[Field_Choice_Map] WHERE EXISTS("
    + INNER.format("")
    + "([Field_Choice_Map].[FieldId])))",
]
UNBOUNDED = [
    SUBMISSIONS,
    f"{SUBMISSIONS} WHERE [Id] > @P1",  # open above
    f"{ANSWERS} WHERE [FormSubmissionId] > @P1 ORDER BY 1",
    f"{ANSWERS} WHERE [FormSubmissionId] IS NULL",
    f"{ANSWERS} WHERE [FieldId] = @P1",  # no key of its own
    f"{ANSWERS} WHERE [FieldId] IN (@P1)",
    f"{SUBMISSIONS} WHERE [FormTypeId] <= @P1",
    f"{SUBMISSIONS} WHERE [LookupCode] = @P1",
    f"{SUBMISSIONS} WHERE NOT ([Id] <= @P1)",
    f"{SUBMISSIONS} WHERE ([Id] <= @P1 OR [LookupCode] IS NULL)",
    f"{SUBMISSIONS} WHERE [Id] IN ({', '.join(['@P1'] * (MOST_KEYS + 1))})",
    # What bounds the inner table does not bound the outer one.
    f"{ANSWERS} WHERE EXISTS({SUBMISSIONS} WHERE ([LookupCode] IN (@P1) AND [Id] <= @P2))",
    f"{SUBMISSIONS} WHERE EXISTS(SELECT 1 FROM [dbo].[FormType] U0 WHERE U0.[Id] = @P1)",
    f"{SUBMISSIONS} WHERE [Id] IN (SELECT [Id] FROM [dbo].[FormSubmission])",
    "SELECT (SELECT COUNT(*) FROM [dbo].[Field]), [Id] FROM [dbo].[FormSubmission]",
    f"SELECT [Id] FROM ({SUBMISSIONS.replace('SELECT', 'SELECT TOP 5')}) AS a",
    "SELECT [Id], COUNT_BIG(*) FROM [dbo].[FormSubmission] GROUP BY [Id]",
    "SELECT [FormTypeId] FROM [dbo].[FormSubmission] WHERE [LookupCode] LIKE @P1",
    "SELECT TOP 5000000 [Id] FROM [dbo].[FormSubmission]",
    # Tables of other names are taken for such as grow.
    "SELECT [Id] FROM [dbo].[tbl Submission] WHERE [Id] > @P1",
    "SELECT [Id] FROM [forms].[tblField] WHERE [FormTypeId] IS NULL",
    "SELECT [Id] FROM [dbo].[Field]",
    "SELECT a.[Id] FROM [dbo].[FormSubmission] a JOIN [dbo].[FormType] f ON f.[Id] = @P1",
]


@pytest.mark.parametrize("sql", BOUNDED)
def test_this_is_bounded(sql: str) -> None:
    assert is_bounded(sql)


@pytest.mark.parametrize("sql", UNBOUNDED)
def test_this_is_not(sql: str) -> None:
    assert not is_bounded(sql)
