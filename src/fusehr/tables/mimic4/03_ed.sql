-- Emergency department stays. One without an admission is a visit of its own, named by its stay_id.
CREATE TABLE edstays_marked AS
SELECT
    edstays.subject_id AS patient_id,
    edstays.stay_id,
    edstays.intime,
    edstays.outtime,
    edstays.arrival_transport,
    admission_visit.visit_id AS hospital_visit_id,
    coalesce(admission_visit.visit_id, edstays.stay_id) AS visit_id,
    CASE
        WHEN edstays.subject_id NOT IN (SELECT subject_id FROM patients) THEN 'unknown_patient'
        WHEN edstays.intime IS NULL OR edstays.outtime IS NULL THEN 'no_time'
        WHEN edstays.outtime <= edstays.intime THEN 'end_before_start'
    END AS reason
FROM edstays
LEFT JOIN admission_visit USING (subject_id, hadm_id);

CREATE TABLE ed_times AS
SELECT * EXCLUDE (reason) FROM edstays_marked WHERE reason IS NULL;

-- From when to when a visit lasts. What the emergency department recorded belongs to the admission it led to.
CREATE TABLE visit_spans AS
SELECT
    visit_times.patient_id,
    visit_times.visit_id,
    least(any_value(visit_times.start_time), min(ed_times.intime)) AS start_time,
    any_value(visit_times.discharge_time) AS end_time
FROM visit_times
LEFT JOIN ed_times ON ed_times.hospital_visit_id = visit_times.visit_id
GROUP BY visit_times.patient_id, visit_times.visit_id
UNION ALL
SELECT patient_id, visit_id, intime, outtime FROM ed_times WHERE hospital_visit_id IS NULL;

-- From when to when a visit is the one that something belongs to: the last one that began before. Patients have
-- few, so that joining all of them is cheaper than an ASOF join, which sorts everything that is placed.
CREATE TABLE visit_intervals AS
SELECT
    patient_id,
    visit_id,
    start_time,
    end_time,
    coalesce(
        lead(start_time) OVER (PARTITION BY patient_id ORDER BY start_time, visit_id),
        'infinity'::TIMESTAMP
    ) AS next_start_time
FROM visit_spans;
