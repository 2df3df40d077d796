-- What each note says of a disease of the patient: present if any mention does, else past, else absent.
-- The list of past history holds what the patient has to this day: without a word that it is over it counts
-- as present.
-- What it says of relatives, or only fears, says nothing of the patient.
CREATE TEMP TABLE note_status AS
SELECT note_id, node_index, status
FROM (
    SELECT
        note_id,
        node_index,
        CASE
            WHEN bool_or(assertion = 'present' OR listed) THEN 'present'
            WHEN bool_or(assertion = 'historical') THEN 'historical'
            WHEN bool_or(assertion = 'absent') THEN 'absent'
        END AS status
    FROM entities
    WHERE kind = 'disease' AND node_index IS NOT NULL
    GROUP BY note_id, node_index
)
WHERE status IS NOT NULL;

-- Findings that a note asserts, each once a note: copying a sentence forward makes it no truer.
CREATE TEMP TABLE note_findings AS
SELECT note_id, concept, assertion, max(node_index) AS node_index
FROM entities
WHERE kind = 'finding'
GROUP BY note_id, concept, assertion;
