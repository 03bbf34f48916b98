-- strategy.md's "Data Migration from v2", as it stands there but for what PostgreSQL refuses or v3's
-- keys refuse; each such place says so. v2's tables stand in this database, in a schema of
-- search_path: so "v2_database.dbo." has fallen away, for PostgreSQL knows no other database.

-- Organizations, word for word.
INSERT INTO organizations (id, slug, name, settings, created_at)
SELECT
    Id as id,
    LOWER(REPLACE(Name, ' ', '-')) as slug,
    Name as name,
    jsonb_build_object(
        'legacy_id', Id,
        'migrated_from', 'v2',
        'migration_date', now()
    ) as settings,
    CreatedOn as created_at
FROM Organization;

-- Users: strategy.md calls a migrate_organization_users() and nowhere says what it does. Written in
-- the manner of the others, so that as many tables are filled as an import fills.
INSERT INTO users (id, organization_id, email, auth_data, status, created_at)
SELECT
    Id as id,
    OrganizationId as organization_id,
    Email as email,
    jsonb_build_object(
        'user_name', UserName,
        'first_name', FirstName,
        'last_name', LastName,
        'legacy_id', Id
    ) as auth_data,
    CASE WHEN IsActive THEN 'active'::user_status ELSE 'inactive'::user_status END as status,
    CreatedOn as created_at
FROM "user";

-- Forms. Mended: FieldType was named ft as FormType is ("table name ft specified more than once"),
-- and is fty here; the organization was one nil uuid for all ("Map to correct org"), which no
-- organization has (forms_organization_id_fkey).
WITH form_fields AS (
    SELECT
        ft.Id as form_type_id,
        jsonb_agg(
            jsonb_build_object(
                'id', f.Id,
                'name', f.Name,
                'label', f.DisplayName,
                'type', CASE fty.Name
                    WHEN 'TextBox' THEN 'text'
                    WHEN 'TextArea' THEN 'textarea'
                    WHEN 'DropDown' THEN 'select'
                    WHEN 'CheckBox' THEN 'checkbox'
                    ELSE 'text'
                END,
                'required', f.Required,
                'order', f.SortOrder,
                'settings', (
                    SELECT jsonb_object_agg(fs.Name, fs.StoredValue)
                    FROM FieldSetting fs
                    WHERE fs.FieldId = f.Id
                ),
                'choices', (
                    SELECT jsonb_agg(
                        jsonb_build_object(
                            'value', c.Id,
                            'label', c.DisplayName
                        )
                        ORDER BY fcm.SortOrder
                    )
                    FROM Field_Choice_Map fcm
                    JOIN Choice c ON fcm.ChoiceId = c.Id
                    WHERE fcm.FieldId = f.Id
                )
            )
            ORDER BY f.SortOrder
        ) as fields
    FROM FormType ft
    JOIN Field f ON f.FormTypeId = ft.Id
    JOIN FieldType fty ON f.FieldTypeId = fty.Id
    GROUP BY ft.Id
)
INSERT INTO forms (id, organization_id, name, slug, definition, created_at)
SELECT
    ft.Id as id,
    ft.OrganizationId as organization_id,
    ft.DisplayName as name,
    LOWER(REPLACE(ft.Name, ' ', '-')) as slug,
    jsonb_build_object(
        'title', ft.DisplayName,
        'description', ft.ShortDescription,
        'fields', COALESCE(ff.fields, '[]'::jsonb),
        'legacy_id', ft.Id
    ) as definition,
    now() as created_at
FROM FormType ft
LEFT JOIN form_fields ff ON ff.form_type_id = ft.Id;

-- Submissions. Mended: the organization, as with forms; it takes a join with FormType. And
-- FieldChoiceMapId was looked up among Choice's Ids, where v2 has Field_Choice_Map's: every answer by
-- choice became null, and nothing would have told. Not mended: of several answers to one field one
-- stays, for jsonb_object_agg keeps one value a key.
WITH submission_data AS (
    SELECT
        fs.Id as submission_id,
        jsonb_object_agg(
            f.Name,
            COALESCE(
                fsmd.FreeFormEntry,
                c.DisplayName,
                fsmd.FreeFormEntry
            )
        ) as data
    FROM FormSubmission fs
    JOIN FormSubmissionMetaData fsmd ON fsmd.FormSubmissionId = fs.Id
    JOIN Field f ON fsmd.FieldId = f.Id
    LEFT JOIN Field_Choice_Map fcm ON fsmd.FieldChoiceMapId = fcm.Id
    LEFT JOIN Choice c ON fcm.ChoiceId = c.Id
    GROUP BY fs.Id
)
INSERT INTO submissions (
    id,
    organization_id,
    form_id,
    submission_number,
    status,
    data,
    created_at,
    submitted_at
)
SELECT
    fs.Id as id,
    COALESCE(fs.OrganizationId, ft.OrganizationId) as organization_id,
    fs.FormTypeId as form_id,
    fs.LookupCode as submission_number,
    CASE
        WHEN fss.Name = 'Draft' THEN 'draft'::submission_status
        WHEN fss.Name = 'Submitted' THEN 'submitted'::submission_status
        WHEN fss.Name = 'Approved' THEN 'approved'::submission_status
        WHEN fss.Name = 'Rejected' THEN 'rejected'::submission_status
        ELSE 'submitted'::submission_status
    END as status,
    COALESCE(sd.data, '{}'::jsonb) as data,
    fs.CreatedOn as created_at,
    fs.LastUpdatedOn as submitted_at
FROM FormSubmission fs
JOIN FormSubmissionStatus fss ON fs.FormSubmissionStatusId = fss.Id
JOIN FormType ft ON ft.Id = fs.FormTypeId
LEFT JOIN submission_data sd ON sd.submission_id = fs.Id;
