-- Stays of the intensive care unit with their visit: what the comparison with other data is about.
CREATE TABLE icu_stays AS
SELECT stays.*, static.age
FROM stays
JOIN static USING (patient_id, visit_id);

CREATE TABLE icu_visits AS
SELECT
    visits.patient_id,
    visits.visit_id,
    visits.admit_time,
    visits.discharge_time,
    visits.death_time,
    visits.diagnoses,
    visits.phenotypes,
    static.age,
    static.sex
FROM visits
JOIN static USING (patient_id, visit_id)
WHERE visits.visit_id IN (SELECT visit_id FROM icu_stays);
