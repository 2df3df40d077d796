-- Phenotypes of coded visits without a coded next one: they are in no sample.
SELECT visits.patient_id, visits.phenotypes
FROM visits
ANTI JOIN (SELECT samples.visit_id FROM samples JOIN sample_rows USING (sample_id)) AS followed
    USING (visit_id)
WHERE len(visits.diagnoses) > 0
ORDER BY visits.patient_id, visits.admit_time, visits.visit_id
