-- Events that a sample may see: of its own patient, inside its window, and known by its index time.
-- available_time is what counts: 24 % of the laboratory values charted in the last four hours before
-- an index are stored after it (MIMIC-IV demo).
CREATE OR REPLACE TEMP TABLE sample_events AS
SELECT
    samples.sample_id,
    samples.patient_id,
    dynamic.code,
    dynamic.value,
    dynamic.event_time,
    dynamic.available_time,
    samples.index_time,
    date_diff('second', dynamic.event_time, samples.index_time) / 3600.0 AS hours_before_index
FROM samples
JOIN dynamic
    ON dynamic.patient_id = samples.patient_id
    AND dynamic.event_time <= samples.index_time
    -- acts, such as vasopressor/start, count from the visit's start, else what runs would be unknown
    AND dynamic.event_time >= CASE
        WHEN contains(dynamic.code, '/') THEN samples.history_start ELSE samples.window_start
    END
WHERE samples.task = $task
    AND dynamic.available_time <= samples.index_time
