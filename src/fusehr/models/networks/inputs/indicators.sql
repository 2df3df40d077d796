-- The structured values of each sample that were put into words; an indicator not known by the index has no row.
-- vector_row is null where a text has no vector.
SELECT sample_row, position, vector_row
FROM indicators
JOIN sample_rows USING (sample_id)
LEFT JOIN text_vectors USING (text_sha256)
WHERE text_sha256 IS NOT NULL
ORDER BY sample_row, position
