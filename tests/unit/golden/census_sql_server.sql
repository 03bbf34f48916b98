-- any odd 1
SELECT COUNT_BIG(*)
FROM [dbo].[FormSubmissionMetaData] a
WHERE 1 = 0 OR a.[FieldId] IS NULL OR 1 = 0 OR (CHARINDEX(NCHAR(0), CAST(a.[FreeFormEntry] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(a.[FreeFormEntry] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%')

-- any odd 2
SELECT COUNT_BIG(*)
FROM [dbo].[FormSubmission] s
LEFT JOIN [dbo].[FormSubmissionStatus] st
ON st.[Id] = s.[FormSubmissionStatusId]
WHERE 1 = 0 OR s.[FormTypeId] IS NULL OR s.[FormSubmissionStatusId] IS NULL OR 1 = 0 OR 1 = 0 OR (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') OR CHARINDEX(NCHAR(65533), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR 1 = 0 OR (s.[CreatedOn] IS NULL OR s.[CreatedOn] < CAST('0001-01-03' AS datetime2) OR s.[CreatedOn] >= CAST('9999-12-30' AS datetime2)) OR (s.[LastUpdatedOn] IS NOT NULL AND (s.[LastUpdatedOn] < CAST('0001-01-03' AS datetime2) OR s.[LastUpdatedOn] >= CAST('9999-12-30' AS datetime2)))

-- answers
SELECT form, own, field, has_text, choice, there, COUNT_BIG(*), MIN(d.sample), MAX(d.sample)
FROM (
SELECT LOWER(CAST(ft.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS form,
CASE
WHEN s.[OrganizationId] IS NULL THEN NULL
WHEN o.[Id] IS NULL THEN '-'
ELSE LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2 END AS own,
LOWER(CAST(fd.id AS char(36))) COLLATE Latin1_General_100_BIN2 AS field,
CASE
WHEN (a.[FreeFormEntry] IS NULL OR DATALENGTH(a.[FreeFormEntry]) = 0) THEN 0
ELSE 1 END AS has_text,
CASE
WHEN a.[FieldChoiceMapId] IS NULL THEN 0
WHEN k.id IS NULL THEN 2
ELSE 1 END AS choice,
CASE
WHEN s.[Id] IS NULL THEN 0
ELSE 1 END AS there,
LOWER(CAST(a.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS sample,
LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS submission
FROM [dbo].[FormSubmissionMetaData] a
LEFT JOIN [dbo].[FormSubmission] s
ON s.[Id] = a.[FormSubmissionId]
LEFT JOIN (
SELECT f.[Id] AS id, MIN(LOWER(CAST(f.[FormTypeId] AS char(36))) COLLATE Latin1_General_100_BIN2) AS form
FROM [dbo].[Field] f
GROUP BY f.[Id]) fd
ON fd.id = a.[FieldId]
LEFT JOIN (
SELECT m.[Id] AS id
FROM [dbo].[Field_Choice_Map] m
JOIN [dbo].[Choice] c
ON c.[Id] = m.[ChoiceId]
WHERE m.[Id] IS NOT NULL
UNION SELECT c.[Id] AS id
FROM [dbo].[Choice] c
LEFT JOIN [dbo].[Field_Choice_Map] m
ON m.[Id] = c.[Id]
WHERE m.[Id] IS NULL) k
ON k.id = a.[FieldChoiceMapId]
LEFT JOIN [dbo].[FormType] ft
ON ft.[Id] = s.[FormTypeId]
LEFT JOIN [dbo].[Organization] o
ON o.[Id] = s.[OrganizationId]
WHERE CASE
WHEN fd.form = LOWER(CAST(s.[FormTypeId] AS char(36))) COLLATE Latin1_General_100_BIN2 AND (a.[FieldChoiceMapId] IS NULL OR k.id IS NOT NULL AND (a.[FreeFormEntry] IS NULL OR DATALENGTH(a.[FreeFormEntry]) = 0)) THEN 0
ELSE 1 END = 1 ) d
GROUP BY form, own, field, has_text, choice, there

-- submissions
SELECT form, own, status, fault, COUNT_BIG(*), MIN(d.sample), MAX(d.sample)
FROM (
SELECT LOWER(CAST(ft.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS form,
CASE
WHEN s.[OrganizationId] IS NULL THEN NULL
WHEN o.[Id] IS NULL THEN '-'
ELSE LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2 END AS own,
LOWER(CAST(st.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS status,
CASE
WHEN (s.[LookupCode] IS NULL OR DATALENGTH(s.[LookupCode]) = 0) THEN 'missing'
WHEN (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') THEN ''
WHEN DATALENGTH(CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 100 THEN 'long'
ELSE '' END AS fault,
LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS sample,
CASE
WHEN (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') OR CHARINDEX(NCHAR(65533), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 THEN '*'
ELSE CAST(s.[LookupCode] AS nvarchar(60)) COLLATE Latin1_General_100_BIN2 END AS code,
COALESCE(LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2,
LOWER(CAST(ft.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2) AS home
FROM [dbo].[FormSubmission] s
LEFT JOIN [dbo].[FormSubmissionStatus] st
ON st.[Id] = s.[FormSubmissionStatusId]
LEFT JOIN [dbo].[FormType] ft
ON ft.[Id] = s.[FormTypeId]
LEFT JOIN [dbo].[Organization] o
ON o.[Id] = s.[OrganizationId]
WHERE 1 = 1 ) d
GROUP BY form, own, status, fault

-- merged
SELECT form, own, field, COUNT_BIG(*), MIN(d.sample), MAX(d.sample)
FROM (
SELECT d.form, d.own, d.field, d.submission AS sample
FROM (
SELECT LOWER(CAST(ft.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS form,
CASE
WHEN s.[OrganizationId] IS NULL THEN NULL
WHEN o.[Id] IS NULL THEN '-'
ELSE LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2 END AS own,
LOWER(CAST(fd.id AS char(36))) COLLATE Latin1_General_100_BIN2 AS field,
CASE
WHEN (a.[FreeFormEntry] IS NULL OR DATALENGTH(a.[FreeFormEntry]) = 0) THEN 0
ELSE 1 END AS has_text,
CASE
WHEN a.[FieldChoiceMapId] IS NULL THEN 0
WHEN k.id IS NULL THEN 2
ELSE 1 END AS choice,
CASE
WHEN s.[Id] IS NULL THEN 0
ELSE 1 END AS there,
LOWER(CAST(a.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS sample,
LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS submission
FROM (
SELECT a.[FormSubmissionId] AS submission, a.[FieldId] AS field
FROM [dbo].[FormSubmissionMetaData] a
GROUP BY a.[FormSubmissionId], a.[FieldId]
HAVING COUNT_BIG(*) > 1) p
JOIN [dbo].[FormSubmissionMetaData] a
ON a.[FormSubmissionId] = p.submission AND a.[FieldId] = p.field
LEFT JOIN [dbo].[FormSubmission] s
ON s.[Id] = a.[FormSubmissionId]
LEFT JOIN (
SELECT f.[Id] AS id, MIN(LOWER(CAST(f.[FormTypeId] AS char(36))) COLLATE Latin1_General_100_BIN2) AS form
FROM [dbo].[Field] f
GROUP BY f.[Id]) fd
ON fd.id = a.[FieldId]
LEFT JOIN (
SELECT m.[Id] AS id
FROM [dbo].[Field_Choice_Map] m
JOIN [dbo].[Choice] c
ON c.[Id] = m.[ChoiceId]
WHERE m.[Id] IS NOT NULL
UNION SELECT c.[Id] AS id
FROM [dbo].[Choice] c
LEFT JOIN [dbo].[Field_Choice_Map] m
ON m.[Id] = c.[Id]
WHERE m.[Id] IS NULL) k
ON k.id = a.[FieldChoiceMapId]
LEFT JOIN [dbo].[FormType] ft
ON ft.[Id] = s.[FormTypeId]
LEFT JOIN [dbo].[Organization] o
ON o.[Id] = s.[OrganizationId]
WHERE 1 = 1 ) d
WHERE d.there = 1 AND d.field IS NOT NULL AND (d.choice <> 2 OR d.has_text = 1)
GROUP BY d.form, d.own, d.field, d.submission
HAVING COUNT_BIG(*) > 1 ) d
GROUP BY form, own, field

-- large documents
SELECT form, own, COUNT_BIG(*), MIN(d.sample), MAX(d.sample)
FROM (
SELECT LOWER(CAST(ft.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS form,
CASE
WHEN s.[OrganizationId] IS NULL THEN NULL
WHEN o.[Id] IS NULL THEN '-'
ELSE LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2 END AS own,
LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS sample
FROM (
SELECT a.[FormSubmissionId] AS id
FROM [dbo].[FormSubmissionMetaData] a
GROUP BY a.[FormSubmissionId]
HAVING SUM(CAST(DATALENGTH(CAST(a.[FreeFormEntry] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) AS bigint) / 2) > 1000000) t
JOIN [dbo].[FormSubmission] s
ON t.id = s.[Id]
LEFT JOIN [dbo].[FormType] ft
ON ft.[Id] = s.[FormTypeId]
LEFT JOIN [dbo].[Organization] o
ON o.[Id] = s.[OrganizationId]
WHERE 1 = 1 ) d
GROUP BY form, own

-- shared codes 1
SELECT COALESCE(SUM(g.n), 0)
FROM (
SELECT d.code, d.home, COUNT_BIG(*) AS n
FROM (
SELECT LOWER(CAST(ft.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS form,
CASE
WHEN s.[OrganizationId] IS NULL THEN NULL
WHEN o.[Id] IS NULL THEN '-'
ELSE LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2 END AS own,
LOWER(CAST(st.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS status,
CASE
WHEN (s.[LookupCode] IS NULL OR DATALENGTH(s.[LookupCode]) = 0) THEN 'missing'
WHEN (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') THEN ''
WHEN DATALENGTH(CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 100 THEN 'long'
ELSE '' END AS fault,
LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS sample,
CASE
WHEN (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') OR CHARINDEX(NCHAR(65533), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 THEN '*'
ELSE CAST(s.[LookupCode] AS nvarchar(60)) COLLATE Latin1_General_100_BIN2 END AS code,
COALESCE(LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2,
LOWER(CAST(ft.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2) AS home
FROM [dbo].[FormSubmission] s
LEFT JOIN [dbo].[FormSubmissionStatus] st
ON st.[Id] = s.[FormSubmissionStatusId]
LEFT JOIN [dbo].[FormType] ft
ON ft.[Id] = s.[FormTypeId]
LEFT JOIN [dbo].[Organization] o
ON o.[Id] = s.[OrganizationId]
WHERE 1 = 1 ) d
WHERE d.fault = ''
GROUP BY d.code, d.home
HAVING COUNT_BIG(*) > 1) g

-- shared codes 2
SELECT TOP (5) d.sample
FROM (
SELECT LOWER(CAST(ft.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS form,
CASE
WHEN s.[OrganizationId] IS NULL THEN NULL
WHEN o.[Id] IS NULL THEN '-'
ELSE LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2 END AS own,
LOWER(CAST(st.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS status,
CASE
WHEN (s.[LookupCode] IS NULL OR DATALENGTH(s.[LookupCode]) = 0) THEN 'missing'
WHEN (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') THEN ''
WHEN DATALENGTH(CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 100 THEN 'long'
ELSE '' END AS fault,
LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS sample,
CASE
WHEN (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') OR CHARINDEX(NCHAR(65533), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 THEN '*'
ELSE CAST(s.[LookupCode] AS nvarchar(60)) COLLATE Latin1_General_100_BIN2 END AS code,
COALESCE(LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2,
LOWER(CAST(ft.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2) AS home
FROM [dbo].[FormSubmission] s
LEFT JOIN [dbo].[FormSubmissionStatus] st
ON st.[Id] = s.[FormSubmissionStatusId]
LEFT JOIN [dbo].[FormType] ft
ON ft.[Id] = s.[FormTypeId]
LEFT JOIN [dbo].[Organization] o
ON o.[Id] = s.[OrganizationId]
WHERE 1 = 1 ) d
JOIN (
SELECT d.code, d.home, COUNT_BIG(*) AS n
FROM (
SELECT LOWER(CAST(ft.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS form,
CASE
WHEN s.[OrganizationId] IS NULL THEN NULL
WHEN o.[Id] IS NULL THEN '-'
ELSE LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2 END AS own,
LOWER(CAST(st.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS status,
CASE
WHEN (s.[LookupCode] IS NULL OR DATALENGTH(s.[LookupCode]) = 0) THEN 'missing'
WHEN (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') THEN ''
WHEN DATALENGTH(CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 100 THEN 'long'
ELSE '' END AS fault,
LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS sample,
CASE
WHEN (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') OR CHARINDEX(NCHAR(65533), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 THEN '*'
ELSE CAST(s.[LookupCode] AS nvarchar(60)) COLLATE Latin1_General_100_BIN2 END AS code,
COALESCE(LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2,
LOWER(CAST(ft.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2) AS home
FROM [dbo].[FormSubmission] s
LEFT JOIN [dbo].[FormSubmissionStatus] st
ON st.[Id] = s.[FormSubmissionStatusId]
LEFT JOIN [dbo].[FormType] ft
ON ft.[Id] = s.[FormTypeId]
LEFT JOIN [dbo].[Organization] o
ON o.[Id] = s.[OrganizationId]
WHERE 1 = 1 ) d
WHERE d.fault = ''
GROUP BY d.code, d.home
HAVING COUNT_BIG(*) > 1) g
ON g.code = d.code AND g.home = d.home
WHERE d.fault = ''

-- examples
SELECT TOP (10) d.sample
FROM (
SELECT LOWER(CAST(ft.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS form,
CASE
WHEN s.[OrganizationId] IS NULL THEN NULL
WHEN o.[Id] IS NULL THEN '-'
ELSE LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2 END AS own,
LOWER(CAST(fd.id AS char(36))) COLLATE Latin1_General_100_BIN2 AS field,
CASE
WHEN (a.[FreeFormEntry] IS NULL OR DATALENGTH(a.[FreeFormEntry]) = 0) THEN 0
ELSE 1 END AS has_text,
CASE
WHEN a.[FieldChoiceMapId] IS NULL THEN 0
WHEN k.id IS NULL THEN 2
ELSE 1 END AS choice,
CASE
WHEN s.[Id] IS NULL THEN 0
ELSE 1 END AS there,
LOWER(CAST(a.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS sample,
LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS submission
FROM [dbo].[FormSubmissionMetaData] a
LEFT JOIN [dbo].[FormSubmission] s
ON s.[Id] = a.[FormSubmissionId]
LEFT JOIN (
SELECT f.[Id] AS id, MIN(LOWER(CAST(f.[FormTypeId] AS char(36))) COLLATE Latin1_General_100_BIN2) AS form
FROM [dbo].[Field] f
GROUP BY f.[Id]) fd
ON fd.id = a.[FieldId]
LEFT JOIN (
SELECT m.[Id] AS id
FROM [dbo].[Field_Choice_Map] m
JOIN [dbo].[Choice] c
ON c.[Id] = m.[ChoiceId]
WHERE m.[Id] IS NOT NULL
UNION SELECT c.[Id] AS id
FROM [dbo].[Choice] c
LEFT JOIN [dbo].[Field_Choice_Map] m
ON m.[Id] = c.[Id]
WHERE m.[Id] IS NULL) k
ON k.id = a.[FieldChoiceMapId]
LEFT JOIN [dbo].[FormType] ft
ON ft.[Id] = s.[FormTypeId]
LEFT JOIN [dbo].[Organization] o
ON o.[Id] = s.[OrganizationId]
WHERE CASE
WHEN fd.form = LOWER(CAST(s.[FormTypeId] AS char(36))) COLLATE Latin1_General_100_BIN2 AND (a.[FieldChoiceMapId] IS NULL OR k.id IS NOT NULL AND (a.[FreeFormEntry] IS NULL OR DATALENGTH(a.[FreeFormEntry]) = 0)) THEN 0
ELSE 1 END = 1 ) d
WHERE d.form IS NULL AND d.field = %s

-- left out
SELECT TOP (10) x.id
FROM (
SELECT LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS id
FROM [dbo].[FormSubmission] s
LEFT JOIN [dbo].[FormSubmissionStatus] st
ON st.[Id] = s.[FormSubmissionStatusId]
WHERE 1 = 0 OR s.[FormTypeId] IS NULL OR s.[FormSubmissionStatusId] IS NULL OR 1 = 0 OR 1 = 0 OR (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') OR CHARINDEX(NCHAR(65533), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR 1 = 0 OR (s.[CreatedOn] IS NULL OR s.[CreatedOn] < CAST('0001-01-03' AS datetime2) OR s.[CreatedOn] >= CAST('9999-12-30' AS datetime2)) OR (s.[LastUpdatedOn] IS NOT NULL AND (s.[LastUpdatedOn] < CAST('0001-01-03' AS datetime2) OR s.[LastUpdatedOn] >= CAST('9999-12-30' AS datetime2)))
UNION SELECT LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS id
FROM [dbo].[FormSubmissionMetaData] a
JOIN [dbo].[FormSubmission] s
ON s.[Id] = a.[FormSubmissionId]
WHERE 1 = 0 OR a.[FieldId] IS NULL OR 1 = 0 OR (CHARINDEX(NCHAR(0), CAST(a.[FreeFormEntry] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(a.[FreeFormEntry] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%')
UNION SELECT LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS id
FROM [dbo].[FormSubmissionMetaData] a
JOIN [dbo].[FormSubmission] s
ON s.[Id] = a.[FormSubmissionId]
JOIN [dbo].[Field] f
ON f.[Id] = a.[FieldId]
WHERE NOT (f.[FormTypeId] = s.[FormTypeId]) OR f.[FormTypeId] IS NULL ) x
WHERE x.id > %s
ORDER BY x.id

-- submissions but for those left out
SELECT form, own, status, fault, COUNT_BIG(*), MIN(d.sample), MAX(d.sample)
FROM (
SELECT LOWER(CAST(ft.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS form,
CASE
WHEN s.[OrganizationId] IS NULL THEN NULL
WHEN o.[Id] IS NULL THEN '-'
ELSE LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2 END AS own,
LOWER(CAST(st.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS status,
CASE
WHEN (s.[LookupCode] IS NULL OR DATALENGTH(s.[LookupCode]) = 0) THEN 'missing'
WHEN (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') THEN ''
WHEN DATALENGTH(CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 100 THEN 'long'
ELSE '' END AS fault,
LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS sample,
CASE
WHEN (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') OR CHARINDEX(NCHAR(65533), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 THEN '*'
ELSE CAST(s.[LookupCode] AS nvarchar(60)) COLLATE Latin1_General_100_BIN2 END AS code,
COALESCE(LOWER(CAST(s.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2,
LOWER(CAST(ft.[OrganizationId] AS char(36))) COLLATE Latin1_General_100_BIN2) AS home
FROM [dbo].[FormSubmission] s
LEFT JOIN [dbo].[FormSubmissionStatus] st
ON st.[Id] = s.[FormSubmissionStatusId]
LEFT JOIN [dbo].[FormType] ft
ON ft.[Id] = s.[FormTypeId]
LEFT JOIN [dbo].[Organization] o
ON o.[Id] = s.[OrganizationId]
LEFT JOIN (
SELECT LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS id
FROM [dbo].[FormSubmission] s
LEFT JOIN [dbo].[FormSubmissionStatus] st
ON st.[Id] = s.[FormSubmissionStatusId]
WHERE 1 = 0 OR s.[FormTypeId] IS NULL OR s.[FormSubmissionStatusId] IS NULL OR 1 = 0 OR 1 = 0 OR (CHARINDEX(NCHAR(0), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%') OR CHARINDEX(NCHAR(65533), CAST(s.[LookupCode] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR 1 = 0 OR (s.[CreatedOn] IS NULL OR s.[CreatedOn] < CAST('0001-01-03' AS datetime2) OR s.[CreatedOn] >= CAST('9999-12-30' AS datetime2)) OR (s.[LastUpdatedOn] IS NOT NULL AND (s.[LastUpdatedOn] < CAST('0001-01-03' AS datetime2) OR s.[LastUpdatedOn] >= CAST('9999-12-30' AS datetime2)))
UNION SELECT LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS id
FROM [dbo].[FormSubmissionMetaData] a
JOIN [dbo].[FormSubmission] s
ON s.[Id] = a.[FormSubmissionId]
WHERE 1 = 0 OR a.[FieldId] IS NULL OR 1 = 0 OR (CHARINDEX(NCHAR(0), CAST(a.[FreeFormEntry] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2) > 0 OR CAST(a.[FreeFormEntry] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 LIKE N'%%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%%')
UNION SELECT LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2 AS id
FROM [dbo].[FormSubmissionMetaData] a
JOIN [dbo].[FormSubmission] s
ON s.[Id] = a.[FormSubmissionId]
JOIN [dbo].[Field] f
ON f.[Id] = a.[FieldId]
WHERE NOT (f.[FormTypeId] = s.[FormTypeId]) OR f.[FormTypeId] IS NULL ) x
ON x.id = LOWER(CAST(s.[Id] AS char(36))) COLLATE Latin1_General_100_BIN2
WHERE x.id IS NULL AND 1 = 1 ) d
GROUP BY form, own, status, fault
