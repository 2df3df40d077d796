-- An image is available at its study's time. StudyDate is yyyymmdd, StudyTime hhmmss.fff.
CREATE TABLE images AS
WITH timed AS (
    SELECT
        metadata.subject_id AS patient_id,
        strptime(
            lpad(metadata.StudyDate::BIGINT::VARCHAR, 8, '0')
                || lpad(floor(metadata.StudyTime)::BIGINT::VARCHAR, 6, '0'),
            '%Y%m%d%H%M%S'
        ) AS event_time,
        metadata.dicom_id AS image_id,
        metadata.ViewPosition AS view
    FROM metadata
    WHERE metadata.subject_id IN (SELECT subject_id FROM patients)
)
SELECT
    timed.patient_id,
    timed.event_time,
    timed.image_id,
    timed.view,
    visit_intervals.visit_id,
    timed.event_time AS available_time,
    packed.sha256 AS image_sha256,
    packed.pixel_row
FROM timed
LEFT JOIN packed USING (image_id)
LEFT JOIN visit_intervals
    ON visit_intervals.patient_id = timed.patient_id
    AND timed.event_time >= visit_intervals.start_time
    AND timed.event_time < visit_intervals.next_start_time
    AND timed.event_time <= visit_intervals.end_time;

-- Images of people outside the cohort, with what a report is said to tell of them: an image encoder may be
-- trained on these, whatever the split. Labels of the cohort's own images are not used.
CREATE TABLE image_pool AS
SELECT
    metadata.subject_id AS patient_id,
    metadata.dicom_id AS image_id,
    metadata.ViewPosition AS view,
    packed.sha256 AS image_sha256,
    packed.pixel_row,
    chexpert."Atelectasis"::TINYINT AS atelectasis,
    chexpert."Cardiomegaly"::TINYINT AS cardiomegaly,
    chexpert."Consolidation"::TINYINT AS consolidation,
    chexpert."Edema"::TINYINT AS edema,
    chexpert."Enlarged Cardiomediastinum"::TINYINT AS enlarged_cardiomediastinum,
    chexpert."Fracture"::TINYINT AS fracture,
    chexpert."Lung Lesion"::TINYINT AS lung_lesion,
    chexpert."Lung Opacity"::TINYINT AS lung_opacity,
    chexpert."No Finding"::TINYINT AS no_finding,
    chexpert."Pleural Effusion"::TINYINT AS pleural_effusion,
    chexpert."Pleural Other"::TINYINT AS pleural_other,
    chexpert."Pneumonia"::TINYINT AS pneumonia,
    chexpert."Pneumothorax"::TINYINT AS pneumothorax,
    chexpert."Support Devices"::TINYINT AS support_devices
FROM metadata
JOIN chexpert USING (subject_id, study_id)
JOIN packed ON packed.image_id = metadata.dicom_id
WHERE metadata.subject_id NOT IN (SELECT subject_id FROM patients);
