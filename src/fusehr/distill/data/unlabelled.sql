-- Samples, and the last visits of patients who train, which nothing is predicted of. They are built as
-- next_diagnoses builds its own, so that codes pass the gate alike; nothing but codes is read of them, so
-- the start of the window is the admission.
CREATE TABLE every_sample AS
SELECT * FROM samples
UNION ALL BY NAME
SELECT
    'unlabelled-' || visit_id AS sample_id,
    patient_id,
    'next_diagnoses' AS task,
    discharge_time AS index_time,
    visit_id,
    NULL::BIGINT AS stay_id,
    admit_time AS window_start,
    admit_time AS history_start,
    codes_available_time AS codes_through,
    true AS train_use
FROM visits
WHERE patient_id IN (FROM trains)
-- who died in that visit has no next one to be told of; what was not coded says nothing
QUALIFY lead(visit_id) OVER (PARTITION BY patient_id ORDER BY admit_time, visit_id) IS NULL
    AND death_time IS NULL
    AND len(diagnoses) > 0;

CREATE OR REPLACE VIEW samples AS FROM every_sample;
