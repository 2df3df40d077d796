-- Diseases that a sample may know of. The last note that speaks of one decides: a disease that it denies
-- is not retrieved, whatever an earlier note or bill says. Codes of earlier visits add what no note speaks
-- of (and, of the visit just ended, for next_diagnoses: see the gate).
INSERT INTO diseases_known
WITH told AS (
    SELECT
        sample_id,
        node_index,
        arg_max(status, (event_time, note_id)) AS status,
        arg_max(current_visit, (event_time, note_id)) AS current_visit,
        count(*) AS mentions
    FROM sample_notes
    JOIN note_status USING (note_id)
    GROUP BY sample_id, node_index
),
billed AS (
    SELECT
        sample_codes.sample_id,
        kg_codes.node_index,
        'present' AS status,
        bool_or(current_visit) AS current_visit,
        0 AS mentions
    FROM sample_codes
    JOIN kg_codes USING (code)
    WHERE sample_codes.kind = 'diagnosis'
    GROUP BY sample_codes.sample_id, kg_codes.node_index
)
SELECT numbered.s, node_index, status, current_visit, mentions
FROM (
    FROM told
    UNION ALL
    FROM billed ANTI JOIN told USING (sample_id, node_index)
)
JOIN numbered USING (sample_id)
WHERE status <> 'absent'
