-- Diagnoses of each sample's own visit, coded after discharge: deliberately past the availability gate,
-- which lets none of them through to an index in the visit.
SELECT visits.diagnoses
FROM sample_rows
JOIN samples USING (sample_id)
JOIN visits USING (patient_id, visit_id)
ORDER BY sample_rows.sample_row
