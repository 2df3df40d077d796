-- Mean number of notes, images and drug orders a visit. A kind that the source has nowhere gives no row:
-- it is absent, not zero.
WITH every_visit AS (SELECT count(*) AS n FROM static),
hospital_visit AS (SELECT count(*) AS n FROM visits),
rows AS (
    SELECT 'notes/' || code AS name, patient_id FROM notes WHERE visit_id IS NOT NULL
    UNION ALL
    SELECT 'images', patient_id FROM images WHERE visit_id IS NOT NULL
)
SELECT name, count(*) / any_value(every_visit.n) AS value, any_value(every_visit.n) AS n,
    count(DISTINCT patient_id) AS people
FROM rows
CROSS JOIN every_visit
GROUP BY name
UNION ALL
SELECT 'drug_orders', count(*) / any_value(hospital_visit.n), any_value(hospital_visit.n),
    count(DISTINCT patient_id)
FROM drugs
CROSS JOIN hospital_visit
HAVING count(*) > 0
ORDER BY name
