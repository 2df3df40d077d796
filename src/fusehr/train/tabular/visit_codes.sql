-- Codes that the gate lets through: in how many earlier visits each phenotype was coded, whether it was in
-- the visit just ended (next_diagnoses alone sees that), and how much was coded at all.
SELECT
    sample_rows.sample_row,
    sample_codes.code || CASE WHEN current_visit THEN '|current' ELSE '|earlier' END AS name,
    count(DISTINCT visit_id)::DOUBLE AS value
FROM sample_codes
JOIN sample_rows USING (sample_id)
WHERE kind = 'phenotype'
GROUP BY sample_row, name
UNION ALL
SELECT
    sample_rows.sample_row,
    'n_' || kind || CASE WHEN current_visit THEN '|current' ELSE '|earlier' END,
    count(DISTINCT code)::DOUBLE
FROM sample_codes
JOIN sample_rows USING (sample_id)
GROUP BY sample_row, kind, current_visit
UNION ALL
SELECT sample_rows.sample_row, 'n_visits|earlier', count(DISTINCT visit_id)::DOUBLE
FROM sample_codes
JOIN sample_rows USING (sample_id)
WHERE NOT current_visit
GROUP BY sample_row
