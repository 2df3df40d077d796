-- Every 12 hours of an ICU stay from the 24th: death, or a vasopressor or invasive ventilation newly begun,
-- within the next 24 hours. "After the first event" would empty the task: 69 of the demo's 72 supported
-- stays are supported before their 24th hour. A resumption after less than 6 hours is not a start.
CREATE TABLE deterioration_candidates AS
WITH windows AS (
    SELECT
        stay_times.*,
        unnest(generate_series(
            intime + to_hours(getvariable('first_hours')),
            outtime,
            to_hours(getvariable('step_hours'))
        )) AS index_time
    FROM stay_times
),
-- alive and in the unit at the index
present AS (
    SELECT *, index_time + to_hours(getvariable('lookahead_hours')) AS horizon
    FROM windows
    WHERE index_time < outtime
),
supported AS (
    SELECT
        present.stay_id,
        present.index_time,
        count(DISTINCT support_runs.support) FILTER (
            support_runs.starttime <= present.index_time AND support_runs.endtime > present.index_time
        ) AS running,
        coalesce(bool_or(
            support_runs.new_start
            AND support_runs.starttime > present.index_time
            AND support_runs.starttime <= present.horizon
        ), false) AS begun
    FROM present
    LEFT JOIN support_runs
        ON support_runs.patient_id = present.patient_id
        AND support_runs.starttime <= present.horizon
        AND support_runs.endtime > present.index_time
    GROUP BY present.stay_id, present.index_time
)
SELECT
    'deterioration-' || present.stay_id || '-'
        || date_diff('hour', present.intime, present.index_time) AS sample_id,
    present.patient_id,
    present.index_time,
    present.visit_id,
    present.stay_id,
    present.index_time - to_hours(getvariable('window_hours')) AS window_start,
    visit_spans.start_time AS history_start,
    present.index_time AS codes_through,
    supported.begun OR coalesce(
        present.death_time > present.index_time AND present.death_time <= present.horizon, false
    ) AS positive,
    CASE WHEN supported.running = 2 THEN 'both_supports_running' END AS left_out
FROM present
JOIN supported USING (stay_id, index_time)
JOIN visit_spans USING (patient_id, visit_id);
