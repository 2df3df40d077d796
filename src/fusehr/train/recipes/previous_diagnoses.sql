-- Phenotypes that the gate lets through of the visit just ended; next_diagnoses alone sees any.
SELECT DISTINCT sample_rows.sample_row, sample_codes.code
FROM sample_codes
JOIN sample_rows USING (sample_id)
WHERE kind = 'phenotype' AND current_visit
ORDER BY sample_row, code
