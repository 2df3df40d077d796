-- Facts that the room `rag` retrieved for the sample, through the gate.
SELECT sample_rows.sample_row, vector_rows.file_row_number AS vector_row
FROM facts
JOIN sample_rows USING (sample_id)
JOIN vector_rows USING (text_sha256)
ORDER BY ALL
