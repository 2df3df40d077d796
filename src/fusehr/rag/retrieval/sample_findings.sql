-- In how many notes of the current visit each finding has each assertion.
INSERT INTO findings_known
SELECT numbered.s, concept, assertion, max(node_index), count(*)
FROM sample_notes
JOIN note_findings USING (note_id)
JOIN numbered USING (sample_id)
WHERE sample_notes.current_visit
GROUP BY numbered.s, concept, assertion
