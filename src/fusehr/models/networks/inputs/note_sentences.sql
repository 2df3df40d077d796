-- Sentences of the newest notes of the current visit that the gate lets through.
WITH newest AS (
    SELECT
        sample_rows.sample_row,
        sample_notes.note_id,
        row_number() OVER (
            PARTITION BY sample_row ORDER BY hours_before_index, note_id
        ) AS note_rank
    FROM sample_notes
    JOIN sample_rows USING (sample_id)
    WHERE current_visit AND list_contains($kinds, code)
    QUALIFY note_rank <= $most_notes
)
SELECT
    sample_row,
    vector_row,
    row_number() OVER (PARTITION BY sample_row ORDER BY note_rank, position) AS token_rank
FROM newest
JOIN note_sentences USING (note_id)
JOIN text_vectors USING (text_sha256)
QUALIFY token_rank <= $most_tokens
ORDER BY sample_row, token_rank
