-- The part that each row of a MEDS dataset plays. Codes of birth and death are the standard's own, those of sex,
-- admission and discharge those that its conversions of MIMIC-IV, eICU and OMOP share.
CREATE VIEW meds_parts AS
WITH kinds AS (
    SELECT code, arg_min(kind, place) AS kind
    FROM (SELECT DISTINCT code FROM meds_rows) AS codes
    JOIN note_codes ON codes.code GLOB note_codes.pattern
    GROUP BY code
)
SELECT
    meds_rows.*,
    CASE
        WHEN code = 'MEDS_BIRTH' OR starts_with(code, 'MEDS_BIRTH//') THEN 'birth'
        WHEN code = 'MEDS_DEATH' OR starts_with(code, 'MEDS_DEATH//') THEN 'death'
        WHEN starts_with(code, 'GENDER//') THEN 'sex'
        WHEN code = 'ED_REGISTRATION' OR starts_with(code, 'ED_REGISTRATION//') THEN 'arrival'
        WHEN code = 'HOSPITAL_ADMISSION' OR starts_with(code, 'HOSPITAL_ADMISSION//')
            THEN 'admission'
        WHEN code = 'HOSPITAL_DISCHARGE' OR starts_with(code, 'HOSPITAL_DISCHARGE//')
            THEN 'discharge'
        WHEN text IS NOT NULL AND (
            kinds.kind IS NOT NULL
            OR getvariable('long_text_characters') > 0
                AND value IS NULL AND length(text) >= getvariable('long_text_characters')
        ) THEN 'note'
        ELSE 'value'
    END AS part,
    coalesce(kinds.kind, getvariable('long_text_kind')) AS note_kind
FROM meds_rows
LEFT JOIN kinds USING (code);
