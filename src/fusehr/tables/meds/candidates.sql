-- A label belongs to the visit that began last before it; its input is what that visit has up to it.
CREATE TABLE source_candidates AS
SELECT
    labels.task,
    labels.task || '-' || labels.subject_id || '-' || strftime(labels.prediction_time, '%Y%m%d%H%M%S')
        || CASE
            WHEN microsecond(labels.prediction_time) % 1000000 = 0 THEN ''
            ELSE strftime(labels.prediction_time, '.%f')
        END AS sample_id,
    labels.subject_id AS patient_id,
    starts.visit_id,
    NULL::BIGINT AS stay_id,
    labels.prediction_time AS index_time,
    starts.first_time AS window_start,
    CASE WHEN starts.visit_id IS NULL THEN 'before_first_visit' END AS left_out,
    labels.class,
    labels.boolean_value::DOUBLE AS label_value
FROM meds_labels AS labels
ASOF LEFT JOIN meds_visit_starts AS starts
    ON starts.subject_id = labels.subject_id AND labels.prediction_time >= starts.first_time;
