-- Images that a sample may see: of its own patient, taken by its index time. Those of earlier visits count
-- as history.
CREATE OR REPLACE TEMP TABLE sample_images AS
SELECT
    samples.sample_id,
    samples.task,
    images.image_id,
    images.pixel_row,
    images.event_time,
    images.available_time,
    samples.index_time,
    images.event_time >= samples.history_start AS current_visit,
    date_diff('second', images.event_time, samples.index_time) / 3600.0 AS hours_before_index
FROM samples
JOIN images
    ON images.patient_id = samples.patient_id
    AND images.available_time <= samples.index_time
WHERE samples.task = $task
