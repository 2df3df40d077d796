-- A row is a visit, all of which is known at its time: that is the index.
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
FROM flat_rows;

CREATE TABLE source_values AS
SELECT
    flat_rows.patient_id,
    flat_rows.row AS visit_id,
    flat_rows.time AS event_time,
    flat_rows.time AS available_time,
    'event' AS availability,
    flat_cells.code,
    flat_cells.value,
    flat_cells.reason
FROM flat_cells
JOIN flat_rows USING (row);

INSERT INTO source_notes
SELECT
    'row-' || row,
    patient_id,
    row,
    time,
    time,
    note_kind,
    text,
    NULL
FROM flat_rows
CROSS JOIN (SELECT DISTINCT note_kind FROM flat_settings)
WHERE text IS NOT NULL;

CREATE TABLE source_candidates AS
SELECT
    task,
    task || '-' || row AS sample_id,
    patient_id,
    row AS visit_id,
    NULL::BIGINT AS stay_id,
    time AS index_time,
    time AS window_start,
    NULL::VARCHAR AS left_out,
    class,
    list_contains(classes, class)::DOUBLE AS label_value
FROM flat_rows
CROSS JOIN (SELECT DISTINCT task, class FROM flat_settings);
