-- From what the source tells of patients and visits to the tables' relations.
CREATE TABLE persons AS
SELECT patient_id, min(period) AS period, min(fold) AS fold FROM source_visits GROUP BY patient_id;

CREATE VIEW static AS
SELECT
    patient_id,
    age::DOUBLE AS age,
    sex,
    visit_id,
    admission_type,
    admission_location,
    coalesce(arrival_time, start_time) AS available_time
FROM source_visits;

CREATE VIEW visits AS
SELECT
    patient_id,
    visit_id,
    start_time AS admit_time,
    end_time AS discharge_time,
    death_time,
    admission_type,
    discharge_location,
    []::VARCHAR[] AS diagnoses,
    []::VARCHAR[] AS phenotypes,
    []::VARCHAR[] AS procedures,
    []::VARCHAR[] AS drugs,
    end_time + to_days(getvariable('billing_lag_days')) AS codes_available_time
FROM source_visits;

CREATE VIEW stays AS
SELECT DISTINCT
    source_visits.patient_id,
    source_candidates.stay_id::BIGINT AS stay_id,
    source_visits.visit_id,
    source_visits.start_time AS intime,
    source_visits.end_time AS outtime,
    source_visits.death_time
FROM source_candidates
JOIN source_visits USING (patient_id, visit_id)
WHERE source_candidates.stay_id IS NOT NULL;

CREATE VIEW stay_times AS FROM stays;

CREATE VIEW ed_times AS SELECT NULL::BIGINT AS stay_id WHERE false;

CREATE VIEW drugs AS
SELECT
    NULL::BIGINT AS patient_id,
    NULL::TIMESTAMP AS event_time,
    NULL::VARCHAR AS code,
    NULL::BIGINT AS visit_id,
    NULL::TIMESTAMP AS available_time
WHERE false;

CREATE VIEW notes AS
SELECT
    patient_id,
    event_time,
    code,
    text,
    visit_id,
    available_time,
    note_id,
    sha256(text) AS text_sha256
FROM source_notes
WHERE reason IS NULL;

CREATE VIEW images AS
SELECT
    source_images.patient_id,
    source_images.event_time,
    source_images.image_id,
    source_images.view,
    source_images.visit_id,
    source_images.available_time,
    packed.sha256 AS image_sha256,
    packed.pixel_row
FROM source_images
LEFT JOIN packed USING (image_id);

CREATE VIEW image_pool AS
SELECT
    NULL::BIGINT AS patient_id,
    NULL::VARCHAR AS image_id,
    NULL::VARCHAR AS view,
    NULL::VARCHAR AS image_sha256,
    NULL::BIGINT AS pixel_row,
    NULL::TINYINT AS atelectasis,
    NULL::TINYINT AS cardiomegaly,
    NULL::TINYINT AS consolidation,
    NULL::TINYINT AS edema,
    NULL::TINYINT AS enlarged_cardiomediastinum,
    NULL::TINYINT AS fracture,
    NULL::TINYINT AS lung_lesion,
    NULL::TINYINT AS lung_opacity,
    NULL::TINYINT AS no_finding,
    NULL::TINYINT AS pleural_effusion,
    NULL::TINYINT AS pleural_other,
    NULL::TINYINT AS pneumonia,
    NULL::TINYINT AS pneumothorax,
    NULL::TINYINT AS support_devices
WHERE false;
