-- What statistics are counted on: the first visit of each patient in `fitted_on`. A first visit is nobody's
-- next one, so that no label is among what is counted, and a visit is a patient.
CREATE TEMP TABLE first_visits AS
SELECT visit_id, diagnoses, phenotypes, drugs
FROM visits
WHERE patient_id IN (FROM fitted_on)
QUALIFY row_number() OVER (PARTITION BY patient_id ORDER BY admit_time, visit_id) = 1;

-- a visit that was not coded would pass for one without the phenotype
DELETE FROM first_visits WHERE len(diagnoses) = 0;
