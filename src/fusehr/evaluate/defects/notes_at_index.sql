-- All that was written of a sample's patient by its index, as one text; empty where nothing was.
SELECT lower(coalesce(string_agg(notes.text, ' ' ORDER BY notes.event_time, notes.note_id), '')) AS text
FROM sample_rows
LEFT JOIN sample_notes USING (sample_id)
LEFT JOIN notes USING (note_id)
GROUP BY sample_rows.sample_row
ORDER BY sample_rows.sample_row
