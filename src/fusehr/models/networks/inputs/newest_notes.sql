-- The newest note of the current visit that the gate lets through, of those that were cut into sentences.
CREATE OR REPLACE TEMP TABLE newest_notes AS
SELECT sample_rows.sample_row, sample_notes.note_id
FROM sample_notes
JOIN sample_rows USING (sample_id)
SEMI JOIN note_sentences USING (note_id)
WHERE current_visit AND list_contains($kinds, code)
QUALIFY row_number() OVER (PARTITION BY sample_row ORDER BY hours_before_index, note_id) = 1
