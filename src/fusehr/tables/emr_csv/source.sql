-- A row is a visit, all of which but its label is known at its time: that is the index.
CREATE TABLE source_visits AS
SELECT
    patient_id,
    row AS visit_id,
    time AS start_time,
    time AS end_time,
    NULL::TIMESTAMP AS death_time,
    CASE WHEN age BETWEEN 0 AND 120 THEN age END AS age,
    CASE
        WHEN lower(sex) IN ('m', 'male', '1') THEN 'M'
        WHEN lower(sex) IN ('f', 'female', '0') THEN 'F'
        ELSE 'U'
    END AS sex,
    NULL::VARCHAR AS admission_type,
    NULL::VARCHAR AS admission_location,
    NULL::VARCHAR AS discharge_location,
    NULL::VARCHAR AS period,
    NULL::VARCHAR AS fold
FROM emr_cases;

-- No column is a measurement.
CREATE VIEW source_values AS
SELECT
    NULL::BIGINT AS patient_id,
    NULL::BIGINT AS visit_id,
    NULL::TIMESTAMP AS event_time,
    NULL::TIMESTAMP AS available_time,
    NULL::VARCHAR AS availability,
    NULL::VARCHAR AS code,
    NULL::DOUBLE AS value,
    NULL::VARCHAR AS reason
WHERE false;

INSERT INTO source_notes
SELECT 'row-' || row, patient_id, row, time, time, note_kind, text, NULL
FROM emr_cases
CROSS JOIN (SELECT DISTINCT note_kind FROM emr_settings)
WHERE text IS NOT NULL;

INSERT INTO source_images
SELECT image_id, patient_id, row, time, time, view
FROM emr_cases
WHERE image_id IS NOT NULL;

CREATE TABLE source_candidates AS
SELECT
    emr_settings.task,
    emr_settings.task || '-' || emr_cases.row AS sample_id,
    emr_cases.patient_id,
    emr_cases.row AS visit_id,
    NULL::BIGINT AS stay_id,
    emr_cases.time AS index_time,
    emr_cases.time AS window_start,
    CASE
        WHEN emr_cases.text IS NULL AND emr_cases.image_id IS NULL THEN 'no_text_no_image'
    END AS left_out,
    emr_settings.class,
    (emr_cases.class = emr_settings.class)::DOUBLE AS label_value
FROM emr_cases
CROSS JOIN emr_settings;
