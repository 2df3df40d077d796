-- Each sample's last available value of each variable, and the age and sex of its visit. Of values charted
-- at the same time the one known last counts, then the larger.
CREATE OR REPLACE TEMP TABLE sample_indicators AS
WITH last_values AS (
    SELECT
        sample_id,
        code AS name,
        arg_max(value, (event_time, available_time, value)) AS value
    FROM sample_events
    WHERE value IS NOT NULL AND code IN (SELECT name FROM indicator_names)
    GROUP BY sample_id, code
),
people AS (
    SELECT samples.sample_id, static.age, static.sex
    FROM samples
    JOIN static
        ON static.visit_id = samples.visit_id
        AND static.patient_id = samples.patient_id
        AND static.available_time <= samples.index_time
    WHERE samples.task = $task
)
SELECT sample_id, name, value, NULL::VARCHAR AS word FROM last_values
UNION ALL
SELECT sample_id, 'age', floor(age), NULL FROM people WHERE age IS NOT NULL
UNION ALL
SELECT
    sample_id,
    'sex',
    NULL,
    CASE sex WHEN 'F' THEN 'female' WHEN 'M' THEN 'male' END
FROM people
WHERE sex IN ('F', 'M')
