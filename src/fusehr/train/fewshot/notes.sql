-- Notes of the current visit that the gate lets through, of those that were cut into sentences.
SELECT sample_rows.sample_row, notes.text
FROM sample_notes
JOIN sample_rows USING (sample_id)
JOIN notes ON notes.note_id = sample_notes.note_id
SEMI JOIN note_sentences ON note_sentences.note_id = sample_notes.note_id
WHERE current_visit
ORDER BY sample_rows.sample_row, sample_notes.hours_before_index, sample_notes.note_id
