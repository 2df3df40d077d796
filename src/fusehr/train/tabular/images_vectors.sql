-- Images of the current visit that the gate lets through.
SELECT sample_rows.sample_row, vector_rows.file_row_number AS vector_row
FROM sample_images
JOIN sample_rows USING (sample_id)
JOIN vector_rows USING (image_id)
WHERE current_visit
ORDER BY ALL
