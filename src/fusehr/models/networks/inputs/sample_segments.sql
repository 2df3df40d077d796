-- Segments of each sample's note in their order.
WITH tokens AS (
    SELECT DISTINCT note_id, segment, token FROM segment_texts
)
SELECT sample_row, segment, token
FROM newest_notes
JOIN tokens USING (note_id)
ORDER BY sample_row, segment
