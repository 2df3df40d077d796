-- Admissions, with what cannot be true marked by a reason. In 4 of the demo's 15 deaths dischtime was
-- floored to midnight and lies before deathtime, so an admission ends at the later of the two.
CREATE TABLE admissions_marked AS
SELECT
    subject_id,
    hadm_id,
    admittime,
    greatest(dischtime, deathtime) AS dischtime,
    -- a death without its time is dated to the discharge
    CASE WHEN hospital_expire_flag = 1 THEN coalesce(deathtime, dischtime) END AS deathtime,
    admission_type,
    admission_location,
    discharge_location,
    edregtime,
    CASE
        WHEN subject_id NOT IN (SELECT subject_id FROM patients) THEN 'unknown_patient'
        WHEN admittime IS NULL OR dischtime IS NULL THEN 'no_time'
        WHEN greatest(dischtime, deathtime) <= admittime THEN 'end_before_start'
    END AS reason
FROM admissions;

-- Contiguous admissions are one visit: an administrative discharge and readmission within a day would
-- otherwise count as a readmission.
CREATE TABLE admission_visit AS
WITH before AS (
    SELECT
        *,
        max(dischtime) OVER (
            PARTITION BY subject_id ORDER BY admittime, hadm_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS last_dischtime
    FROM admissions_marked
    WHERE reason IS NULL
),
numbered AS (
    SELECT
        *,
        count(*) FILTER (
            WHERE last_dischtime IS NULL
                OR admittime >= last_dischtime + to_hours(getvariable('visit_gap_hours'))
        ) OVER (PARTITION BY subject_id ORDER BY admittime, hadm_id) AS visit_number
    FROM before
)
SELECT
    *,
    first_value(hadm_id) OVER (
        PARTITION BY subject_id, visit_number ORDER BY admittime, hadm_id
    ) AS visit_id
FROM numbered;

CREATE TABLE visit_times AS
SELECT
    subject_id AS patient_id,
    visit_id,
    min(admittime) AS admit_time,
    -- what the emergency department recorded before the admission belongs to the visit
    least(min(admittime), min(edregtime)) AS start_time,
    max(dischtime) AS discharge_time,
    min(deathtime) AS death_time,
    arg_min(admission_type, (admittime, hadm_id)) AS admission_type,
    arg_min(admission_location, (admittime, hadm_id)) AS admission_location,
    arg_max(discharge_location, (admittime, hadm_id)) AS discharge_location
FROM admission_visit
GROUP BY subject_id, visit_id;
