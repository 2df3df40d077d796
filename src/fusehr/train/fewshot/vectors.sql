-- Sentences of the same notes that have a vector.
SELECT sample_rows.sample_row, text_vectors.vector_row
FROM sample_notes
JOIN sample_rows USING (sample_id)
JOIN note_sentences USING (note_id)
JOIN text_vectors ON text_vectors.text_sha256 = note_sentences.text_sha256
WHERE current_visit
ORDER BY ALL
