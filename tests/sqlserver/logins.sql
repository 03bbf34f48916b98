-- The two logins the tests use (T-SQL, for sqlcmd; run it as sa or as another sysadmin):
--   sqlcmd -C -S localhost -U sa -P … -v password="…" -i logins.sql
-- What the reader may do in a database, the tests give it where they make one: db_datareader and
-- VIEW DATABASE STATE, no more.

IF SUSER_ID(N'pliers_test_reader') IS NULL
    CREATE LOGIN pliers_test_reader WITH PASSWORD = N'$(password)', CHECK_POLICY = OFF;
IF SUSER_ID(N'pliers_test_admin') IS NULL
    CREATE LOGIN pliers_test_admin WITH PASSWORD = N'$(password)', CHECK_POLICY = OFF;
GO

-- Makes the tests' databases, and drops them.
ALTER SERVER ROLE dbcreator ADD MEMBER pliers_test_admin;
GO
