-- The tables as events of the Medical Event Data Standard. Rows of a subject at the same time: its birth, the
-- admission, what happened, the discharge, its death (place).
CREATE TABLE subjects AS
WITH named AS (
    SELECT
        patient_id AS subject_id,
        CASE fold WHEN 'val' THEN 'tuning' WHEN 'test' THEN 'held_out' ELSE 'train' END AS split
    FROM splits
)
SELECT
    subject_id,
    split,
    (row_number() OVER (PARTITION BY split ORDER BY subject_id) - 1)
        // getvariable('subjects_a_shard') AS shard
FROM named;

CREATE VIEW events AS
WITH rows AS (
    -- sex is told without a time; unknown sex is not told
    SELECT DISTINCT patient_id AS subject_id, 0 AS place, 'GENDER//' || sex AS code
    FROM static
    WHERE sex <> 'U'
    UNION ALL BY NAME
    -- the latest birth that agrees with the ages at all visits, which are in years
    SELECT
        patient_id AS subject_id,
        0 AS place,
        'MEDS_BIRTH' AS code,
        min(available_time - to_years(floor(age)::INTEGER)) AS time
    FROM static
    WHERE age IS NOT NULL
    GROUP BY patient_id
    UNION ALL BY NAME
    SELECT
        visits.patient_id AS subject_id,
        1 AS place,
        rtrim(
            concat(
                'HOSPITAL_ADMISSION//', static.admission_type, '//', static.admission_location
            ),
            '/'
        ) AS code,
        admit_time AS time,
        visit_id
    FROM visits
    JOIN static USING (patient_id, visit_id)
    UNION ALL BY NAME
    -- before an admission, or without one
    SELECT
        static.patient_id AS subject_id,
        1 AS place,
        CASE
            WHEN visits.visit_id IS NOT NULL THEN 'ED_REGISTRATION'
            ELSE rtrim(concat('ED_REGISTRATION//', static.admission_location), '/')
        END AS code,
        available_time AS time,
        static.visit_id
    FROM static
    LEFT JOIN visits USING (patient_id, visit_id)
    WHERE visits.visit_id IS NULL OR available_time < admit_time
    UNION ALL BY NAME
    SELECT
        patient_id AS subject_id,
        3 AS place,
        rtrim(concat('HOSPITAL_DISCHARGE//', discharge_location), '/') AS code,
        discharge_time AS time,
        visit_id
    FROM visits
    UNION ALL BY NAME
    SELECT patient_id AS subject_id, 4 AS place, 'MEDS_DEATH' AS code, min(death_time) AS time
    FROM visits
    WHERE death_time IS NOT NULL
    GROUP BY patient_id
    UNION ALL BY NAME
    SELECT patient_id AS subject_id, 2 AS place, 'ICU_ADMISSION' AS code, intime AS time, visit_id
    FROM stays
    UNION ALL BY NAME
    SELECT patient_id AS subject_id, 2 AS place, 'ICU_DISCHARGE' AS code, outtime AS time, visit_id
    FROM stays
    UNION ALL BY NAME
    SELECT
        patient_id AS subject_id,
        2 AS place,
        code,
        event_time AS time,
        value AS numeric_value,
        visit_id,
        available_time,
        availability
    FROM dynamic
    UNION ALL BY NAME
    -- codes are coded after the visit: they stand where they are known, as readers go by time
    SELECT
        patient_id AS subject_id,
        2 AS place,
        'DIAGNOSIS//' || unnest(diagnoses) AS code,
        codes_available_time AS time,
        visit_id
    FROM visits
    UNION ALL BY NAME
    SELECT
        patient_id AS subject_id,
        2 AS place,
        'PROCEDURE//' || unnest(procedures) AS code,
        codes_available_time AS time,
        visit_id
    FROM visits
    UNION ALL BY NAME
    SELECT
        patient_id AS subject_id,
        2 AS place,
        'MEDICATION//' || code AS code,
        event_time AS time,
        visit_id,
        available_time
    FROM drugs
    UNION ALL BY NAME
    SELECT
        patient_id AS subject_id,
        2 AS place,
        'NOTE//' || code AS code,
        event_time AS time,
        text AS text_value,
        visit_id,
        available_time,
        note_id
    FROM notes
)
SELECT
    subject_id,
    time,
    code,
    numeric_value::FLOAT AS numeric_value,
    text_value,
    visit_id,
    available_time,
    availability,
    note_id,
    place
FROM rows;

CREATE VIEW codes AS
SELECT
    found.code,
    CASE
        WHEN found.code = 'MEDS_BIRTH' THEN 'Birth: the latest that agrees with the ages at visits'
        WHEN found.code = 'MEDS_DEATH' THEN 'Death in hospital'
        WHEN variables.name IS NOT NULL
            THEN concat_ws(', ', variables.definition, nullif(variables.unit, ''))
        WHEN ends_with(found.code, '/start')
            THEN 'Start of ' || replace(split_part(found.code, '/', 1), '_', ' ')
        WHEN ends_with(found.code, '/end')
            THEN 'End of ' || replace(split_part(found.code, '/', 1), '_', ' ')
    END AS description,
    CASE
        WHEN starts_with(found.code, 'DIAGNOSIS//') OR starts_with(found.code, 'PROCEDURE//')
            THEN [split_part(found.code, '//', 2)]
    END AS parent_codes
FROM (SELECT DISTINCT code FROM events) AS found
LEFT JOIN variables ON variables.name = found.code
ORDER BY found.code;
