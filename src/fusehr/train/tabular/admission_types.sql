-- The kind of admission, where it was known by the index: the unit in one source, the urgency in another.
SELECT
    sample_rows.sample_row,
    'admission_type|' || static.admission_type AS name,
    1.0 AS value
FROM sample_rows
JOIN samples USING (sample_id)
JOIN static
    ON static.visit_id = samples.visit_id
    AND static.available_time <= samples.index_time
WHERE static.admission_type IS NOT NULL
