-- Drugs of the current visit: of one just ended all, else those ordered by the index.
INSERT INTO sections
SELECT
    sample_id,
    6 AS part,
    0 AS place,
    'medication' AS kind,
    'The patient had used the following medication: '
        || string_agg(DISTINCT code, ', ' ORDER BY code) || '.' AS text
FROM known_drugs
GROUP BY sample_id
