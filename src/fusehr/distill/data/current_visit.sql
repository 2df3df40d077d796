-- Diseases ($unit: CCS phenotypes, or single diagnoses) and operations of the visit just ended, by title, a
-- code without one by itself.
INSERT INTO sections
SELECT
    sample_id,
    CASE sample_codes.kind WHEN 'procedure' THEN 3 ELSE 1 END AS part,
    0 AS place,
    CASE sample_codes.kind WHEN 'procedure' THEN 'operations' ELSE 'diseases' END AS kind,
    CASE sample_codes.kind
        WHEN 'procedure' THEN 'The surgical operation performed by the patient: '
        ELSE 'The patient-acquired disease is '
    END || string_agg(coalesce(title, code), '; ' ORDER BY code) || '.' AS text
FROM sample_codes
LEFT JOIN titles USING (code)
WHERE current_visit AND sample_codes.kind IN ($unit, 'procedure')
GROUP BY sample_id, sample_codes.kind
