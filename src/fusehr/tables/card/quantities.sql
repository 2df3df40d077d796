-- Quartiles of what has a unit, from rows of one form: its name, a patient, a number.
WITH rows AS (
    SELECT 'age' AS name, patient_id, age AS number FROM icu_visits
    UNION ALL
    SELECT 'icu_days', patient_id, date_diff('second', intime, outtime) / 86400 FROM icu_stays
    UNION ALL
    SELECT 'hospital_days', patient_id, date_diff('second', admit_time, discharge_time) / 86400
    FROM icu_visits
)
SELECT
    name,
    quantile_cont(number, 0.25) AS q25,
    quantile_cont(number, 0.5) AS median,
    quantile_cont(number, 0.75) AS q75,
    count(*) AS n,
    count(DISTINCT patient_id) AS people
FROM rows
GROUP BY name
ORDER BY name
