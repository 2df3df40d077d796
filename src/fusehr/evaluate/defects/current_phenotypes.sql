-- Phenotypes of the visit that each sample stands at the end of.
SELECT visits.phenotypes
FROM sample_rows
JOIN samples USING (sample_id)
JOIN visits USING (patient_id, visit_id)
ORDER BY sample_rows.sample_row
