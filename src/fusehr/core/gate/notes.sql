-- Notes that a sample may see: of its own patient, written and stored by its index time. Those of earlier
-- visits count as history.
CREATE OR REPLACE TEMP TABLE sample_notes AS
SELECT
    samples.sample_id,
    samples.task,
    notes.note_id,
    notes.code,
    notes.text_sha256,
    notes.event_time,
    notes.available_time,
    samples.index_time,
    notes.event_time >= samples.history_start AS current_visit,
    date_diff('second', notes.event_time, samples.index_time) / 3600.0 AS hours_before_index
FROM samples
JOIN notes
    ON notes.patient_id = samples.patient_id
    AND notes.available_time <= samples.index_time
WHERE samples.task = $task
