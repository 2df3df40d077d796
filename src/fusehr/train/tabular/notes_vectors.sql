-- Sentences of all notes of the current visit that the gate lets through.
SELECT sample_rows.sample_row, vector_rows.file_row_number AS vector_row
FROM sample_notes
JOIN sample_rows USING (sample_id)
JOIN note_sentences USING (note_id)
JOIN vector_rows ON vector_rows.text_sha256 = note_sentences.text_sha256
WHERE current_visit
ORDER BY ALL
