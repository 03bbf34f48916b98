-- [organizations, first batch]
SELECT TOP 1000 [Organization].[Id] AS [id], [Organization].[Name] AS [name], [Organization].[CreatedOn] AS [created_on]
  FROM [dbo].[Organization]
  ORDER BY 1 ASC
-- no parameter

-- [organizations, next batch]
SELECT TOP 1000 [Organization].[Id] AS [id], [Organization].[Name] AS [name], [Organization].[CreatedOn] AS [created_on]
  FROM [dbo].[Organization]
  WHERE [Organization].[Id] > %s
  ORDER BY 1 ASC
-- '00010001-0000-4000-8000-000100000001'

-- [users of selected organizations]
SELECT TOP 10000 [FormType].[Id] AS [id], [FormType].[Name] AS [name], [FormType].[OrganizationId] AS [organization_id]
  FROM [dbo].[FormType]
  ORDER BY 1 ASC
-- no parameter
SELECT TOP 1000 [User].[Id] AS [id], [User].[OrganizationId] AS [organization_id], [User].[Email] AS [email], [User].[UserName] AS [user_name], [User].[FirstName] AS [first_name], [User].[LastName] AS [last_name], [User].[IsActive] AS [is_active], [User].[CreatedOn] AS [created_on], [User].[LastUpdatedOn] AS [last_updated_on]
  FROM [dbo].[User]
  WHERE ([User].[OrganizationId] IN (%s) AND [User].[Id] > %s)
  ORDER BY 1 ASC
-- '00010007-0000-4000-8000-000100000007', '00010001-0000-4000-8000-000100000001'

-- [forms with fields, choices and settings]
SELECT TOP 200 [FormType].[Id] AS [id], [FormType].[Name] AS [name], [FormType].[DisplayName] AS [display_name], [FormType].[ShortDescription] AS [short_description], [FormType].[OrganizationId] AS [organization_id], [FormType].[CreatedOn] AS [created_on]
  FROM [dbo].[FormType]
  WHERE [FormType].[Id] > %s
  ORDER BY 1 ASC
-- '00010001-0000-4000-8000-000100000001'
SELECT [Field].[Id] AS [id], [Field].[FormTypeId] AS [form_type_id], [Field].[FieldTypeId] AS [field_type_id], [Field].[Name] AS [name], [Field].[DisplayName] AS [display_name], [Field].[Required] AS [required], [Field].[SortOrder] AS [sort_order]
  FROM [dbo].[Field]
  WHERE ([Field].[FormTypeId] > %s AND [Field].[FormTypeId] <= %s)
-- '00010001-0000-4000-8000-000100000001', '00010009-0000-4000-8000-000100000009'
SELECT [Field_Choice_Map].[Id] AS [id], [Field_Choice_Map].[FieldId] AS [field_id], [Field_Choice_Map].[ChoiceId] AS [choice_id], [Field_Choice_Map].[SortOrder] AS [sort_order]
  FROM [dbo].[Field_Choice_Map]
  WHERE EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[Field] U0
  WHERE (U0.[FormTypeId] > %s AND U0.[FormTypeId] <= %s AND U0.[Id] = ([Field_Choice_Map].[FieldId])))
-- 1, '00010001-0000-4000-8000-000100000001', '00010009-0000-4000-8000-000100000009'
SELECT [FieldSetting].[Id] AS [id], [FieldSetting].[FieldId] AS [field_id], [FieldSetting].[Name] AS [name], [FieldSetting].[StoredValue] AS [stored_value]
  FROM [dbo].[FieldSetting]
  WHERE EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[Field] U0
  WHERE (U0.[FormTypeId] > %s AND U0.[FormTypeId] <= %s AND U0.[Id] = ([FieldSetting].[FieldId])))
-- 1, '00010001-0000-4000-8000-000100000001', '00010009-0000-4000-8000-000100000009'
SELECT [Field].[Id] AS [id], [Field].[FormTypeId] AS [form_type_id], [Field].[FieldTypeId] AS [field_type_id], [Field].[Name] AS [name], [Field].[DisplayName] AS [display_name], [Field].[Required] AS [required], [Field].[SortOrder] AS [sort_order]
  FROM [dbo].[Field]
  WHERE [Field].[FormTypeId] > %s
-- '00010009-0000-4000-8000-000100000009'
SELECT [Field_Choice_Map].[Id] AS [id], [Field_Choice_Map].[FieldId] AS [field_id], [Field_Choice_Map].[ChoiceId] AS [choice_id], [Field_Choice_Map].[SortOrder] AS [sort_order]
  FROM [dbo].[Field_Choice_Map]
  WHERE EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[Field] U0
  WHERE (U0.[FormTypeId] > %s AND U0.[Id] = ([Field_Choice_Map].[FieldId])))
-- 1, '00010009-0000-4000-8000-000100000009'
SELECT [FieldSetting].[Id] AS [id], [FieldSetting].[FieldId] AS [field_id], [FieldSetting].[Name] AS [name], [FieldSetting].[StoredValue] AS [stored_value]
  FROM [dbo].[FieldSetting]
  WHERE EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[Field] U0
  WHERE (U0.[FormTypeId] > %s AND U0.[Id] = ([FieldSetting].[FieldId])))
-- 1, '00010009-0000-4000-8000-000100000009'

-- [field types, statuses and choices]
SELECT TOP 10000 [FieldType].[Id] AS [id], [FieldType].[Name] AS [name]
  FROM [dbo].[FieldType]
  ORDER BY 1 ASC
-- no parameter
SELECT TOP 10000 [FormSubmissionStatus].[Id] AS [id], [FormSubmissionStatus].[Name] AS [name]
  FROM [dbo].[FormSubmissionStatus]
  ORDER BY 1 ASC
-- no parameter
SELECT TOP 10000 [Choice].[Id] AS [id], [Choice].[DisplayName] AS [display_name]
  FROM [dbo].[Choice]
  ORDER BY 1 ASC
-- no parameter

-- [fields without a form]
SELECT TOP 10000 [Field].[FormTypeId] AS [form_type_id]
  FROM [dbo].[Field]
  WHERE (NOT EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[FormType] U0
  WHERE U0.[Id] = ([Field].[FormTypeId]))
  AND NOT ([Field].[FormTypeId] IS NULL))
  ORDER BY 1 ASC
-- 1
SELECT [Field].[FormTypeId] AS [form_type_id], [Field].[Id] AS [id], [Field].[FieldTypeId] AS [field_type_id], [Field].[Name] AS [name], [Field].[DisplayName] AS [display_name], [Field].[Required] AS [required], [Field].[SortOrder] AS [sort_order]
  FROM [dbo].[Field]
  WHERE (NOT EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[FormType] U0
  WHERE U0.[Id] = ([Field].[FormTypeId])) AND [Field].[FormTypeId] IS NULL)
-- 1

-- [settings without a field]
SELECT TOP 10000 [FieldSetting].[FieldId] AS [field_id]
  FROM [dbo].[FieldSetting]
  WHERE (NOT EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[Field] U0
  WHERE U0.[Id] = ([FieldSetting].[FieldId]))
  AND NOT ([FieldSetting].[FieldId] IS NULL))
  ORDER BY 1 ASC
-- 1
SELECT [FieldSetting].[FieldId] AS [field_id], [FieldSetting].[Id] AS [id], [FieldSetting].[Name] AS [name], [FieldSetting].[StoredValue] AS [stored_value]
  FROM [dbo].[FieldSetting]
  WHERE (NOT EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[Field] U0
  WHERE U0.[Id] = ([FieldSetting].[FieldId])) AND [FieldSetting].[FieldId] IS NULL)
-- 1

-- [choices without a field]
SELECT TOP 10000 [Field_Choice_Map].[FieldId] AS [field_id]
  FROM [dbo].[Field_Choice_Map]
  WHERE (NOT EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[Field] U0
  WHERE U0.[Id] = ([Field_Choice_Map].[FieldId]))
  AND NOT ([Field_Choice_Map].[FieldId] IS NULL))
  ORDER BY 1 ASC
-- 1
SELECT [Field_Choice_Map].[FieldId] AS [field_id], [Field_Choice_Map].[Id] AS [id], [Field_Choice_Map].[ChoiceId] AS [choice_id], [Field_Choice_Map].[SortOrder] AS [sort_order]
  FROM [dbo].[Field_Choice_Map]
  WHERE (NOT EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[Field] U0
  WHERE U0.[Id] = ([Field_Choice_Map].[FieldId])) AND [Field_Choice_Map].[FieldId] IS NULL)
-- 1

-- [submissions with answers, first batch]
SELECT TOP 1000 [FormSubmission].[Id] AS [id], [FormSubmission].[FormTypeId] AS [form_type_id], [FormSubmission].[FormSubmissionStatusId] AS [form_submission_status_id], [FormSubmission].[LookupCode] AS [lookup_code], [FormSubmission].[CreatedOn] AS [created_on], [FormSubmission].[LastUpdatedOn] AS [last_updated_on], [FormSubmission].[OrganizationId] AS [organization_id]
  FROM [dbo].[FormSubmission]
  ORDER BY 1 ASC
-- no parameter
SELECT [FormSubmissionMetaData].[FormSubmissionId] AS [form_submission_id], [FormSubmissionMetaData].[FieldId] AS [field_id], [FormSubmissionMetaData].[FreeFormEntry] AS [free_form_entry], [FormSubmissionMetaData].[FieldChoiceMapId] AS [field_choice_map_id], [FormSubmissionMetaData].[Id] AS [id]
  FROM [dbo].[FormSubmissionMetaData]
  WHERE [FormSubmissionMetaData].[FormSubmissionId] IS NULL
-- no parameter
SELECT TOP 40000 [FormSubmissionMetaData].[FormSubmissionId] AS [form_submission_id], [FormSubmissionMetaData].[FieldId] AS [field_id], [FormSubmissionMetaData].[FreeFormEntry] AS [free_form_entry], [FormSubmissionMetaData].[FieldChoiceMapId] AS [field_choice_map_id], [FormSubmissionMetaData].[Id] AS [id]
  FROM [dbo].[FormSubmissionMetaData]
  WHERE (NOT ([FormSubmissionMetaData].[FormSubmissionId] IS NULL) AND [FormSubmissionMetaData].[FormSubmissionId] <= %s)
  ORDER BY 1 ASC
-- '00010009-0000-4000-8000-000100000009'
SELECT TOP 40000 [FormSubmissionMetaData].[FormSubmissionId] AS [form_submission_id], [FormSubmissionMetaData].[FieldId] AS [field_id], [FormSubmissionMetaData].[FreeFormEntry] AS [free_form_entry], [FormSubmissionMetaData].[FieldChoiceMapId] AS [field_choice_map_id], [FormSubmissionMetaData].[Id] AS [id]
  FROM [dbo].[FormSubmissionMetaData]
  WHERE (NOT ([FormSubmissionMetaData].[FormSubmissionId] IS NULL) AND [FormSubmissionMetaData].[FormSubmissionId] > %s)
  ORDER BY 1 ASC
-- '00010009-0000-4000-8000-000100000009'

-- [submissions with answers, next batch, orphans in it]
SELECT TOP 1 [FormSubmission].[Id] AS [id], [FormSubmission].[FormTypeId] AS [form_type_id], [FormSubmission].[FormSubmissionStatusId] AS [form_submission_status_id], [FormSubmission].[LookupCode] AS [lookup_code], [FormSubmission].[CreatedOn] AS [created_on], [FormSubmission].[LastUpdatedOn] AS [last_updated_on], [FormSubmission].[OrganizationId] AS [organization_id]
  FROM [dbo].[FormSubmission]
  WHERE [FormSubmission].[Id] > %s
  ORDER BY 1 ASC
-- '00010001-0000-4000-8000-000100000001'
SELECT TOP 40000 [FormSubmissionMetaData].[FormSubmissionId] AS [form_submission_id], [FormSubmissionMetaData].[FieldId] AS [field_id], [FormSubmissionMetaData].[FreeFormEntry] AS [free_form_entry], [FormSubmissionMetaData].[FieldChoiceMapId] AS [field_choice_map_id], [FormSubmissionMetaData].[Id] AS [id]
  FROM [dbo].[FormSubmissionMetaData]
  WHERE ([FormSubmissionMetaData].[FormSubmissionId] > %s AND [FormSubmissionMetaData].[FormSubmissionId] <= %s)
  ORDER BY 1 ASC
-- '00010001-0000-4000-8000-000100000001', '00010009-0000-4000-8000-000100000009'
SELECT [FormSubmission].[Id] AS [id]
  FROM [dbo].[FormSubmission]
  WHERE ([FormSubmission].[Id] > %s AND [FormSubmission].[Id] <= %s)
-- '00010001-0000-4000-8000-000100000001', '00010009-0000-4000-8000-000100000009'
SELECT TOP 1 [FormSubmission].[Id] AS [id], [FormSubmission].[FormTypeId] AS [form_type_id], [FormSubmission].[FormSubmissionStatusId] AS [form_submission_status_id], [FormSubmission].[LookupCode] AS [lookup_code], [FormSubmission].[CreatedOn] AS [created_on], [FormSubmission].[LastUpdatedOn] AS [last_updated_on], [FormSubmission].[OrganizationId] AS [organization_id]
  FROM [dbo].[FormSubmission]
  WHERE [FormSubmission].[Id] > %s
  ORDER BY 1 ASC
-- '00010009-0000-4000-8000-000100000009'
SELECT TOP 40000 [FormSubmissionMetaData].[FormSubmissionId] AS [form_submission_id], [FormSubmissionMetaData].[FieldId] AS [field_id], [FormSubmissionMetaData].[FreeFormEntry] AS [free_form_entry], [FormSubmissionMetaData].[FieldChoiceMapId] AS [field_choice_map_id], [FormSubmissionMetaData].[Id] AS [id]
  FROM [dbo].[FormSubmissionMetaData]
  WHERE (NOT ([FormSubmissionMetaData].[FormSubmissionId] IS NULL) AND [FormSubmissionMetaData].[FormSubmissionId] > %s)
  ORDER BY 1 ASC
-- '00010009-0000-4000-8000-000100000009'

-- [submissions of selected organizations]
SELECT TOP 10000 [FormType].[Id] AS [id], [FormType].[Name] AS [name], [FormType].[OrganizationId] AS [organization_id]
  FROM [dbo].[FormType]
  ORDER BY 1 ASC
-- no parameter
SELECT TOP 1000 [FormSubmission].[Id] AS [id], [FormSubmission].[FormTypeId] AS [form_type_id], [FormSubmission].[FormSubmissionStatusId] AS [form_submission_status_id], [FormSubmission].[LookupCode] AS [lookup_code], [FormSubmission].[CreatedOn] AS [created_on], [FormSubmission].[LastUpdatedOn] AS [last_updated_on], [FormSubmission].[OrganizationId] AS [organization_id]
  FROM [dbo].[FormSubmission]
  WHERE (([FormSubmission].[OrganizationId] IN (%s) OR ([FormSubmission].[OrganizationId] IS NULL AND EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[FormType] U0
  WHERE (U0.[Id] = ([FormSubmission].[FormTypeId]) AND (U0.[OrganizationId] IN (%s) OR U0.[OrganizationId] IS NULL))))) AND [FormSubmission].[Id] > %s)
  ORDER BY 1 ASC
-- '00010007-0000-4000-8000-000100000007', 1, '00010007-0000-4000-8000-000100000007', '00010001-0000-4000-8000-000100000001'
SELECT TOP 40000 [FormSubmissionMetaData].[FormSubmissionId] AS [form_submission_id], [FormSubmissionMetaData].[FieldId] AS [field_id], [FormSubmissionMetaData].[FreeFormEntry] AS [free_form_entry], [FormSubmissionMetaData].[FieldChoiceMapId] AS [field_choice_map_id], [FormSubmissionMetaData].[Id] AS [id]
  FROM [dbo].[FormSubmissionMetaData]
  WHERE (EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[FormSubmission] V0
  WHERE ((V0.[OrganizationId] IN (%s) OR (V0.[OrganizationId] IS NULL AND EXISTS(SELECT TOP 1 %s AS [a]
  FROM [dbo].[FormType] U0
  WHERE (U0.[Id] = (V0.[FormTypeId]) AND (U0.[OrganizationId] IN (%s) OR U0.[OrganizationId] IS NULL))))) AND V0.[Id] = ([FormSubmissionMetaData].[FormSubmissionId]))) AND [FormSubmissionMetaData].[FormSubmissionId] > %s AND [FormSubmissionMetaData].[FormSubmissionId] <= %s)
  ORDER BY 1 ASC
-- 1, '00010007-0000-4000-8000-000100000007', 1, '00010007-0000-4000-8000-000100000007', '00010001-0000-4000-8000-000100000001', '00010009-0000-4000-8000-000100000009'

-- [submissions counted by form]
SELECT TOP 10000 [FormType].[Id] AS [id], [FormType].[Name] AS [name], [FormType].[OrganizationId] AS [organization_id]
  FROM [dbo].[FormType]
  ORDER BY 1 ASC
-- no parameter
SELECT [FormSubmission].[FormTypeId] AS [form_type_id], [FormSubmission].[OrganizationId] AS [organization_id], COUNT_BIG([FormSubmission].[Id]) AS [rows]
  FROM [dbo].[FormSubmission]
  GROUP BY [FormSubmission].[FormTypeId], [FormSubmission].[OrganizationId]
-- no parameter

-- [texts with half a pair, as bytes]
SELECT [FormSubmissionMetaData].[FormSubmissionId] AS [form_submission_id], [FormSubmissionMetaData].[FieldId] AS [field_id], [FormSubmissionMetaData].[FreeFormEntry] AS [free_form_entry], [FormSubmissionMetaData].[FieldChoiceMapId] AS [field_choice_map_id], [FormSubmissionMetaData].[Id] AS [id]
  FROM [dbo].[FormSubmissionMetaData]
  WHERE [FormSubmissionMetaData].[Id] = %s
-- '00010001-0000-4000-8000-000100000001'
SELECT [FormSubmissionMetaData].[FormSubmissionId] AS [form_submission_id], [FormSubmissionMetaData].[FieldId] AS [field_id], CAST(CAST([FormSubmissionMetaData].[FreeFormEntry] AS nvarchar(max)) AS varbinary(max)) AS [_utf161], [FormSubmissionMetaData].[FieldChoiceMapId] AS [field_choice_map_id], [FormSubmissionMetaData].[Id] AS [id]
  FROM [dbo].[FormSubmissionMetaData]
  WHERE [FormSubmissionMetaData].[Id] = %s
-- '00010001-0000-4000-8000-000100000001'

-- [submissions again, by their ids]
SELECT [FormSubmission].[Id] AS [id], [FormSubmission].[FormTypeId] AS [form_type_id], [FormSubmission].[FormSubmissionStatusId] AS [form_submission_status_id], [FormSubmission].[LookupCode] AS [lookup_code], [FormSubmission].[CreatedOn] AS [created_on], [FormSubmission].[LastUpdatedOn] AS [last_updated_on], [FormSubmission].[OrganizationId] AS [organization_id]
  FROM [dbo].[FormSubmission]
  WHERE [FormSubmission].[Id] IN (%s, %s)
-- '00010007-0000-4000-8000-000100000007', '000a0002-0000-4000-8000-000a00000002'
SELECT [FormSubmissionMetaData].[FormSubmissionId] AS [form_submission_id], [FormSubmissionMetaData].[FieldId] AS [field_id], [FormSubmissionMetaData].[FreeFormEntry] AS [free_form_entry], [FormSubmissionMetaData].[FieldChoiceMapId] AS [field_choice_map_id], [FormSubmissionMetaData].[Id] AS [id]
  FROM [dbo].[FormSubmissionMetaData]
  WHERE [FormSubmissionMetaData].[FormSubmissionId] IN (%s)
-- '00010009-0000-4000-8000-000100000009'

-- [answers again, by their ids]
SELECT [FormSubmissionMetaData].[FormSubmissionId] AS [form_submission_id], [FormSubmissionMetaData].[FieldId] AS [field_id], [FormSubmissionMetaData].[FreeFormEntry] AS [free_form_entry], [FormSubmissionMetaData].[FieldChoiceMapId] AS [field_choice_map_id], [FormSubmissionMetaData].[Id] AS [id]
  FROM [dbo].[FormSubmissionMetaData]
  WHERE [FormSubmissionMetaData].[Id] IN (%s)
-- '00010007-0000-4000-8000-000100000007'
SELECT [FormSubmissionMetaData].[FormSubmissionId] AS [form_submission_id], [FormSubmissionMetaData].[FieldId] AS [field_id], [FormSubmissionMetaData].[FreeFormEntry] AS [free_form_entry], [FormSubmissionMetaData].[FieldChoiceMapId] AS [field_choice_map_id], [FormSubmissionMetaData].[Id] AS [id]
  FROM [dbo].[FormSubmissionMetaData]
  WHERE [FormSubmissionMetaData].[FormSubmissionId] IN (%s)
-- '00010007-0000-4000-8000-000100000007'
