-- The stay that the page shows: a sample of mortality among train patients (cross-validation has no
-- train fold: all), the most complete one first, then the first by patient. Shown are hours_around hours
-- before admission to the unit and after the index.
CREATE TABLE shown_stay AS
WITH candidates AS (
    SELECT
        samples.sample_id,
        samples.patient_id,
        samples.visit_id,
        samples.stay_id,
        samples.index_time,
        icu_stays.intime,
        icu_stays.outtime
    FROM samples
    JOIN splits USING (patient_id)
    JOIN icu_stays ON icu_stays.stay_id = samples.stay_id
    WHERE samples.task = 'mortality' AND (splits.fold = 'train' OR starts_with(splits.fold, 'cv'))
),
pictured AS (
    SELECT DISTINCT candidates.sample_id
    FROM candidates
    JOIN images USING (patient_id)
    WHERE images.pixel_row IS NOT NULL
        AND images.available_time
            BETWEEN candidates.intime - to_hours(getvariable('hours_around')) AND candidates.index_time
),
nursed AS (
    SELECT DISTINCT candidates.sample_id
    FROM candidates
    JOIN notes USING (patient_id)
    WHERE notes.code = 'nursing'
        AND notes.event_time >= candidates.intime
        AND notes.available_time <= candidates.index_time
),
supported AS (
    SELECT DISTINCT candidates.sample_id
    FROM candidates
    JOIN dynamic USING (patient_id)
    WHERE dynamic.code = 'vasopressor/start'
        AND dynamic.event_time BETWEEN candidates.intime AND candidates.index_time
)
SELECT
    candidates.*,
    intime - to_hours(getvariable('hours_around')) AS start_time,
    least(outtime, index_time + to_hours(getvariable('hours_around'))) AS end_time
FROM candidates
ORDER BY
    sample_id IN (SELECT sample_id FROM pictured) DESC,
    sample_id IN (SELECT sample_id FROM nursed) DESC,
    sample_id IN (SELECT sample_id FROM supported) DESC,
    patient_id,
    sample_id
LIMIT 1
