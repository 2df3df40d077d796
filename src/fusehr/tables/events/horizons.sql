-- Each task as the source has it, and seen from each horizon: hours after the visit's start, or, without
-- hours, its end. At a horizon a visit is one sample, with the last label that it has.
CREATE TABLE labelled AS
SELECT * FROM source_candidates
UNION ALL
SELECT
    last.task || '@' || horizons.name AS task,
    last.task || '@' || horizons.name || '-' || last.visit_id AS sample_id,
    last.patient_id,
    last.visit_id,
    last.stay_id,
    coalesce(source_visits.start_time + to_hours(horizons.hours), source_visits.end_time)
        AS index_time,
    last.window_start,
    CASE
        WHEN source_visits.start_time + to_hours(horizons.hours) > source_visits.end_time
            THEN 'left_before_index'
    END AS left_out,
    last.class,
    last.label_value
FROM (
    SELECT
        task,
        patient_id,
        visit_id,
        class,
        arg_max(stay_id, index_time) AS stay_id,
        min(window_start) AS window_start,
        arg_max(label_value, index_time) AS label_value
    FROM source_candidates
    GROUP BY task, patient_id, visit_id, class
) AS last
JOIN source_visits USING (patient_id, visit_id)
CROSS JOIN horizons;

CREATE VIEW candidates AS
SELECT DISTINCT
    task,
    sample_id,
    patient_id,
    index_time,
    visit_id,
    stay_id::BIGINT AS stay_id,
    window_start,
    window_start AS history_start,
    index_time AS codes_through,
    left_out,
    NULL::BOOLEAN AS competing
FROM labelled;

CREATE VIEW candidate_labels AS
SELECT task, sample_id, class, label_value = 1 AS label_value, NULL::BOOLEAN AS new_onset
FROM labelled;
