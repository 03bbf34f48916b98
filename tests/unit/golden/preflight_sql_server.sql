-- 1
SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), CAST(SERVERPROPERTY('Edition') AS nvarchar(128)), CAST(SERVERPROPERTY('EngineEdition') AS int)

-- 2
SELECT HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN'), HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN'), HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN'), HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN'), HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN'), HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN'), HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN')

-- 3
SELECT HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN'), HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN'), HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN'), HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN'), HAS_PERMS_BY_NAME(%s, 'OBJECT', 'SELECT', %s, 'COLUMN')

-- 4
SELECT HAS_PERMS_BY_NAME(%s, 'OBJECT', 'INSERT') + HAS_PERMS_BY_NAME(%s, 'OBJECT', 'UPDATE') + HAS_PERMS_BY_NAME(%s, 'OBJECT', 'DELETE')

-- 5
SELECT IS_SRVROLEMEMBER('sysadmin')

-- 6
SELECT IS_MEMBER('db_owner')

-- 7
SELECT IS_MEMBER('db_ddladmin')

-- 8
SELECT IS_MEMBER('db_datawriter')

-- 9
SELECT SUM(CASE
WHEN index_id <= 1 THEN row_count
ELSE 0 END), SUM(reserved_page_count) * 8192
FROM sys.dm_db_partition_stats
WHERE object_id = OBJECT_ID(%s)

-- 10
SELECT t.name, c.name
FROM sys.masked_columns AS c
JOIN sys.objects AS t
ON t.object_id = c.object_id
WHERE c.is_masked = 1 AND t.schema_id = SCHEMA_ID(%s)

-- 11
SELECT COALESCE(HAS_PERMS_BY_NAME(NULL, 'DATABASE', 'UNMASK'), HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'UNMASK'), 0)

-- 12
SELECT COALESCE(HAS_PERMS_BY_NAME(%s, 'OBJECT', 'UNMASK', %s, 'COLUMN'), HAS_PERMS_BY_NAME(%s, 'OBJECT', 'UNMASK'), 0)

-- 13
SELECT name
FROM sys.views
WHERE object_id IN (OBJECT_ID(%s), OBJECT_ID(%s))

-- 14
SELECT p.name, OBJECT_NAME(f.target_object_id)
FROM sys.security_policies AS p
JOIN sys.security_predicates AS f
ON f.object_id = p.object_id
WHERE p.is_enabled = 1 AND f.predicate_type = 0 AND f.target_object_id IN (OBJECT_ID(%s), OBJECT_ID(%s))

-- 15
SELECT compatibility_level, collation_name, CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS nvarchar(128))
FROM sys.databases
WHERE name = DB_NAME()

-- 16
SELECT CAST(encrypt_option AS nvarchar(40))
FROM sys.dm_exec_connections
WHERE session_id = @@SPID

-- 17
SELECT COUNT(*)
FROM sys.indexes AS i
JOIN sys.index_columns AS k
ON k.object_id = i.object_id AND k.index_id = i.index_id
JOIN sys.columns AS c
ON c.object_id = k.object_id AND c.column_id = k.column_id
WHERE i.object_id = OBJECT_ID(%s) AND i.type IN (1, 2) AND i.is_unique = 1 AND i.is_disabled = 0 AND i.is_hypothetical = 0 AND i.has_filter = 0 AND k.key_ordinal = 1 AND c.name = %s AND NOT EXISTS (
SELECT 1
FROM sys.index_columns AS other
WHERE other.object_id = i.object_id AND other.index_id = i.index_id AND other.key_ordinal = 2)

-- 18
SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH
FROM INFORMATION_SCHEMA.COLUMNS
WHERE TABLE_SCHEMA = %s

-- 19
SELECT s.[FormTypeId], s.[OrganizationId], COUNT_BIG(*), SUM(CAST(DATALENGTH(CAST(a.[FreeFormEntry] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) AS bigint) / 2), MAX(CASE
WHEN s.[Id] IS NULL THEN 0
ELSE 1 END)
FROM [dbo].[FormSubmissionMetaData] a
LEFT JOIN [dbo].[FormSubmission] s
ON s.[Id] = a.[FormSubmissionId]
GROUP BY s.[FormTypeId], s.[OrganizationId]

-- 20
SELECT s.[FormTypeId], s.[OrganizationId], COUNT_BIG(*), MIN(s.[CreatedOn]), MAX(s.[CreatedOn])
FROM [dbo].[FormSubmission] s
GROUP BY s.[FormTypeId], s.[OrganizationId]

-- 21
SELECT SUM(rows)
FROM sys.partitions
WHERE object_id = OBJECT_ID(%s) AND index_id <= 1
