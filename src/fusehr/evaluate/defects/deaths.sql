-- ICU stays with an outcome: death in hospital, or else readmission as the task of that name defines it.
-- Stays that the task leaves out for other reasons than death (hospice, transfers) are left out here too.
SELECT
    sample_rows.sample_row,
    visits.death_time IS NOT NULL AS died,
    coalesce(label.label_value, 0) AS readmitted
FROM sample_rows
JOIN samples USING (sample_id)
JOIN visits USING (patient_id, visit_id)
LEFT JOIN label
    ON label.visit_id = samples.visit_id
    AND label.task = 'readmission'
WHERE visits.death_time IS NOT NULL OR label.label_value IS NOT NULL
ORDER BY sample_rows.sample_row
