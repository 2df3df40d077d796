-- ICU stays, with what cannot be true marked by a reason.
CREATE TABLE icustays_marked AS
SELECT
    icustays.subject_id,
    icustays.hadm_id,
    icustays.stay_id,
    icustays.intime,
    icustays.outtime,
    visits.visit_id,
    visits.admittime,
    CASE
        WHEN visits.visit_id IS NULL THEN 'unknown_admission'
        WHEN icustays.intime IS NULL OR icustays.outtime IS NULL THEN 'no_time'
        WHEN icustays.outtime <= icustays.intime THEN 'end_before_start'
        WHEN icustays.intime < visits.admittime THEN 'begins_before_admission'
    END AS reason
FROM icustays
LEFT JOIN admission_visit AS visits USING (subject_id, hadm_id);

-- A move between beds splits one stay in two, minutes apart.
CREATE TABLE stay_times AS
WITH before AS (
    SELECT
        *,
        max(outtime) OVER (
            PARTITION BY subject_id, visit_id ORDER BY intime, stay_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS last_outtime
    FROM icustays_marked
    WHERE reason IS NULL
),
numbered AS (
    SELECT
        *,
        count(*) FILTER (
            WHERE last_outtime IS NULL
                OR intime > last_outtime + to_hours(getvariable('stay_gap_hours'))
        ) OVER (PARTITION BY subject_id, visit_id ORDER BY intime, stay_id) AS stay_number
    FROM before
)
SELECT
    numbered.subject_id AS patient_id,
    numbered.visit_id,
    min(numbered.stay_id) AS stay_id,
    min(numbered.intime) AS intime,
    -- a stay ends with the patient's death also where the bed was cleared later
    least(max(numbered.outtime), any_value(visit_times.death_time)) AS outtime,
    any_value(visit_times.death_time) AS death_time,
    list(numbered.stay_id ORDER BY numbered.stay_id) AS stay_ids
FROM numbered
JOIN visit_times USING (visit_id)
GROUP BY numbered.subject_id, numbered.visit_id, numbered.stay_number;

CREATE VIEW stays AS
SELECT patient_id, stay_id, visit_id, intime, outtime, death_time FROM stay_times;
