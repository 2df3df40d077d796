-- Diseases that the last note which speaks of them denies.
INSERT INTO diseases_denied
SELECT numbered.s, node_index
FROM (
    SELECT sample_id, node_index, arg_max(status, (event_time, note_id)) AS status
    FROM sample_notes
    JOIN note_status USING (note_id)
    GROUP BY sample_id, node_index
)
JOIN numbered USING (sample_id)
WHERE status = 'absent'
