-- Drugs that a sample may see: ordered for its own patient, and begun, by its index time.
CREATE OR REPLACE TEMP TABLE sample_drugs AS
SELECT
    samples.sample_id,
    samples.task,
    drugs.code,
    drugs.event_time,
    drugs.available_time,
    samples.index_time,
    drugs.visit_id = samples.visit_id AS current_visit,
    date_diff('second', drugs.event_time, samples.index_time) / 3600.0 AS hours_before_index
FROM samples
JOIN drugs
    ON drugs.patient_id = samples.patient_id
    AND drugs.available_time <= samples.index_time
WHERE samples.task = $task
