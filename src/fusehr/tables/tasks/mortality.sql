-- Death in hospital after the first 48 hours of an ICU stay. Never dod: it includes deaths at home.
-- "Left before" goes by the unit's outtime, which ends with death; in 4 of the demo's 15 deaths dischtime
-- lies before deathtime.
CREATE TABLE mortality_candidates AS
WITH timed AS (
    SELECT *, intime + to_hours(getvariable('index_hours')) AS index_time FROM stay_times
)
SELECT
    'mortality-' || timed.stay_id AS sample_id,
    timed.patient_id,
    timed.index_time,
    timed.visit_id,
    timed.stay_id,
    visit_spans.start_time AS window_start,
    visit_spans.start_time AS history_start,
    timed.index_time AS codes_through,
    coalesce(timed.death_time > timed.index_time, false) AS positive,
    CASE
        WHEN static.age < getvariable('min_age') THEN 'under_age'
        WHEN timed.death_time <= timed.index_time THEN 'died_before_index'
        WHEN timed.outtime < timed.index_time THEN 'left_before_index'
    END AS left_out
FROM timed
JOIN visit_spans USING (patient_id, visit_id)
JOIN static USING (patient_id, visit_id);
