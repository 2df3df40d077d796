-- Unplanned readmission 1 to 30 days after a live discharge. Deaths during the stay are not at risk (EMERGE
-- counted them as readmissions: about three quarters of its positives); nor are hospice and transfers to
-- another acute hospital. The next visit of the unplanned types counts, a planned one does not.
CREATE TABLE readmission_candidates AS
WITH ordered AS (
    SELECT
        visits.*,
        lead(admit_time) OVER following AS next_admit_time,
        lead(admission_type) OVER following AS next_admission_type
    FROM visits
    WINDOW following AS (PARTITION BY patient_id ORDER BY admit_time, visit_id)
),
labelled AS (
    SELECT
        *,
        coalesce(
            next_admit_time <= discharge_time + to_days(getvariable('horizon_days'))
            AND next_admission_type IN ('EW EMER.', 'DIRECT EMER.', 'URGENT', 'OBSERVATION ADMIT'),
            false
        ) AS positive
    FROM ordered
)
SELECT
    'readmission-' || labelled.visit_id AS sample_id,
    labelled.patient_id,
    labelled.discharge_time AS index_time,
    labelled.visit_id,
    NULL::BIGINT AS stay_id,
    visit_spans.start_time AS window_start,
    visit_spans.start_time AS history_start,
    labelled.discharge_time AS codes_through,
    labelled.positive,
    -- a competing event, reported in the manifest
    NOT labelled.positive
        AND coalesce(
            patients.dod <= labelled.discharge_time + to_days(getvariable('horizon_days')), false
        ) AS died_without,
    CASE
        WHEN labelled.death_time IS NOT NULL THEN 'died_in_hospital'
        WHEN labelled.discharge_location = 'HOSPICE' THEN 'hospice'
        WHEN labelled.discharge_location = 'ACUTE HOSPITAL' THEN 'transfer_to_acute_hospital'
    END AS left_out
FROM labelled
JOIN visit_spans USING (patient_id, visit_id)
JOIN patients ON patients.subject_id = labelled.patient_id;
