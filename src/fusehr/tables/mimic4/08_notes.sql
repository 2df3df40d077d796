-- Notes with the time at which they could be read. A discharge summary's charttime is a date; without a
-- storetime it counts as written by the end of that day.
CREATE TABLE note_rows AS
WITH rows AS (
    SELECT note_id, subject_id, hadm_id, 'discharge' AS code, charttime, storetime, text
    FROM discharge
    UNION ALL
    SELECT note_id, subject_id, hadm_id, 'radiology', charttime, storetime, text
    FROM radiology
    UNION ALL
    SELECT
        note_id,
        subject_id,
        hadm_id,
        CASE note_type WHEN 'TN' THEN 'triage_nursing' ELSE 'nursing' END,
        charttime,
        storetime,
        text
    FROM nursing
    UNION ALL
    SELECT note_id, subject_id, hadm_id, 'progress', charttime, storetime, text
    FROM progress
    UNION ALL
    SELECT
        'complaint-' || ed_times.stay_id,
        ed_times.patient_id,
        NULL,
        'complaint',
        ed_times.intime,
        ed_times.intime,
        triage.chiefcomplaint
    FROM triage
    JOIN ed_times USING (stay_id)
    WHERE triage.chiefcomplaint IS NOT NULL
)
SELECT
    rows.*,
    greatest(
        charttime,
        coalesce(
            storetime,
            CASE
                WHEN code = 'discharge' THEN charttime + to_days(1)
                ELSE charttime + to_minutes(getvariable('default_lag_minutes'))
            END
        )
    ) AS available_time,
    CASE
        WHEN subject_id NOT IN (SELECT subject_id FROM patients) THEN 'unknown_patient'
        WHEN charttime IS NULL THEN 'no_time'
        WHEN text IS NULL OR trim(text) = '' THEN 'no_value'
    END AS reason
FROM rows;

CREATE TABLE notes AS
WITH kept AS (
    SELECT * FROM note_rows WHERE reason IS NULL
)
SELECT
    kept.subject_id AS patient_id,
    kept.charttime AS event_time,
    kept.code,
    kept.text,
    visit_intervals.visit_id,
    kept.available_time,
    kept.note_id,
    sha256(kept.text) AS text_sha256
FROM kept
LEFT JOIN visit_intervals
    ON visit_intervals.patient_id = kept.subject_id
    AND kept.charttime >= visit_intervals.start_time
    AND kept.charttime < visit_intervals.next_start_time
    AND kept.charttime <= visit_intervals.end_time;
