-- Urgency on arrival at the emergency department. Index: the first chest image within 4 hours of arrival,
-- else an hour after it. Nurses assign acuity from the vitals, so with real data this is re-triage; ICU
-- admission or death within 24 hours is kept beside it as an outcome.
CREATE TABLE triage_candidates AS
WITH first_image AS (
    SELECT ed_times.stay_id, min(images.available_time) AS image_time
    FROM ed_times
    JOIN images
        ON images.patient_id = ed_times.patient_id
        AND images.available_time BETWEEN ed_times.intime
            AND ed_times.intime + to_hours(getvariable('image_hours'))
    GROUP BY ed_times.stay_id
),
outcome AS (
    SELECT
        ed_times.stay_id,
        bool_or(
            stay_times.intime BETWEEN ed_times.intime AND ed_times.intime + to_hours(24)
            OR visit_times.death_time BETWEEN ed_times.intime AND ed_times.intime + to_hours(24)
        ) AS icu_or_death
    FROM ed_times
    JOIN visit_times ON visit_times.visit_id = ed_times.hospital_visit_id
    LEFT JOIN stay_times ON stay_times.visit_id = visit_times.visit_id
    GROUP BY ed_times.stay_id
)
SELECT
    'triage-' || ed_times.stay_id AS sample_id,
    ed_times.patient_id,
    coalesce(
        first_image.image_time, ed_times.intime + to_hours(getvariable('triage_index_hours'))
    ) AS index_time,
    ed_times.visit_id,
    ed_times.stay_id,
    ed_times.intime AS window_start,
    ed_times.intime AS history_start,
    index_time AS codes_through,
    CASE
        WHEN triage.acuity <= 2 THEN 'high'
        WHEN triage.acuity = 3 THEN 'medium'
        WHEN triage.acuity >= 4 THEN 'low'
    END AS urgency,
    coalesce(outcome.icu_or_death, false) AS icu_or_death,
    CASE WHEN triage.acuity IS NULL THEN 'no_acuity' END AS left_out
FROM ed_times
LEFT JOIN triage USING (stay_id)
LEFT JOIN first_image USING (stay_id)
LEFT JOIN outcome USING (stay_id);
