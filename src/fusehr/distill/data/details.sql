-- Single diagnoses of the visit just ended, behind its phenotypes, which say the same more coarsely.
INSERT INTO sections
SELECT
    sample_id,
    5 AS part,
    0 AS place,
    'details' AS kind,
    'In detail: ' || string_agg(coalesce(title, code), '; ' ORDER BY code) || '.' AS text
FROM sample_codes
LEFT JOIN titles USING (code)
WHERE current_visit AND sample_codes.kind = 'diagnosis'
GROUP BY sample_id
