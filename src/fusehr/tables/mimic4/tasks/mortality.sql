-- Death in hospital after the first 48 hours of an ICU stay. Never dod: it includes deaths at home.
-- "Left before" goes by the unit's outtime, which ends with death; in 4 of the demo's 15 deaths dischtime
-- lies before deathtime. A horizon is the same task at another index: hours after admission to the unit, or,
-- without hours, the moment when the unit is left, which tells the outcome.
CREATE TABLE mortality_candidates AS
WITH timed AS (
    SELECT stay_times.*, told.task, coalesce(intime + to_hours(told.hours), outtime) AS index_time,
        told.hours IS NULL AS whole
    FROM stay_times
    CROSS JOIN (
        SELECT 'mortality' AS task, getvariable('index_hours') AS hours
        UNION ALL
        SELECT 'mortality@' || name, hours FROM horizons
    ) AS told
)
SELECT
    timed.task,
    timed.task || '-' || timed.stay_id AS sample_id,
    timed.patient_id,
    timed.index_time,
    timed.visit_id,
    timed.stay_id,
    visit_spans.start_time AS window_start,
    visit_spans.start_time AS history_start,
    timed.index_time AS codes_through,
    coalesce(timed.whole OR timed.death_time > timed.index_time, false)
        AND timed.death_time IS NOT NULL AS positive,
    CASE
        WHEN static.age < getvariable('min_age') THEN 'under_age'
        WHEN timed.death_time <= timed.index_time AND NOT timed.whole THEN 'died_before_index'
        WHEN timed.outtime < timed.index_time THEN 'left_before_index'
    END AS left_out
FROM timed
JOIN visit_spans USING (patient_id, visit_id)
JOIN static USING (patient_id, visit_id);
