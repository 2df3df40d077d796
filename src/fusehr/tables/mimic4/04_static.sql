-- One row a visit, because age is per visit: anchor_age holds in anchor_year only.
CREATE TABLE static AS
WITH every_visit AS (
    SELECT
        patient_id,
        visit_id,
        visit_spans.start_time,
        visit_times.admission_type,
        visit_times.admission_location
    FROM visit_spans
    JOIN visit_times USING (patient_id, visit_id)
    UNION ALL
    SELECT patient_id, visit_id, intime, 'ED', arrival_transport
    FROM ed_times
    WHERE hospital_visit_id IS NULL
)
SELECT
    every_visit.patient_id,
    (patients.anchor_age + year(every_visit.start_time) - patients.anchor_year)::DOUBLE AS age,
    CASE WHEN patients.gender IN ('F', 'M') THEN patients.gender ELSE 'U' END AS sex,
    every_visit.visit_id,
    every_visit.admission_type,
    every_visit.admission_location,
    every_visit.start_time AS available_time
FROM every_visit
JOIN patients ON patients.subject_id = every_visit.patient_id;
