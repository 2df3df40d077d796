-- A user's own notes, added to the source's. One that names its admission belongs to that visit whatever its
-- time, one that names the patient alone to the visit that its time falls in.
CREATE TABLE own_note_rows AS
WITH placed AS (
    SELECT
        own_notes.note_id,
        coalesce(own_notes.patient_id, admission_visit.subject_id) AS patient_id,
        own_notes.hadm_id,
        admission_visit.visit_id,
        own_notes.time AS event_time,
        greatest(own_notes.time, own_notes.available_time) AS available_time,
        own_notes.kind,
        own_notes.text
    FROM own_notes
    LEFT JOIN admission_visit
        ON admission_visit.hadm_id = own_notes.hadm_id
        AND admission_visit.subject_id = coalesce(own_notes.patient_id, admission_visit.subject_id)
)
SELECT
    *,
    CASE
        WHEN hadm_id IS NOT NULL AND visit_id IS NULL THEN 'unknown_admission'
        WHEN patient_id IS NULL OR patient_id NOT IN (SELECT subject_id FROM patients)
            THEN 'unknown_patient'
        WHEN event_time IS NULL THEN 'no_time'
        WHEN text IS NULL OR trim(text) = '' THEN 'no_value'
    END AS reason
FROM placed;

INSERT INTO notes BY NAME
WITH kept AS (
    SELECT * FROM own_note_rows WHERE reason IS NULL
)
SELECT
    kept.patient_id,
    kept.event_time,
    kept.kind AS code,
    kept.text,
    coalesce(kept.visit_id, visit_intervals.visit_id) AS visit_id,
    kept.available_time,
    kept.note_id,
    sha256(kept.text) AS text_sha256
FROM kept
LEFT JOIN visit_intervals
    ON visit_intervals.patient_id = kept.patient_id
    AND kept.event_time >= visit_intervals.start_time
    AND kept.event_time < visit_intervals.next_start_time
    AND kept.event_time <= visit_intervals.end_time;
