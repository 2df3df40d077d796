-- Diseases ($unit as in current_visit.sql) of earlier visits whose codes the gate lets through, the newest first.
INSERT INTO sections
WITH told AS (
    SELECT
        sample_id,
        visit_id,
        admit_time,
        string_agg(coalesce(title, code), '; ' ORDER BY code) AS diseases
    FROM sample_codes
    LEFT JOIN titles USING (code)
    WHERE NOT current_visit AND kind = $unit
    GROUP BY sample_id, visit_id, admit_time
)
SELECT
    sample_id,
    2 AS part,
    row_number() OVER (
        PARTITION BY sample_id ORDER BY admit_time DESC, visit_id DESC
    ) AS place,
    'earlier' AS kind,
    'At an earlier visit the patient-acquired disease was ' || diseases || '.' AS text
FROM told
QUALIFY place <= $earlier_visits
