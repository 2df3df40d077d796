-- Where times are dates, what happened on a day was known by its end.
CREATE TABLE source_values AS
WITH named AS (
    SELECT
        oneehr_dynamic.* EXCLUDE (code, value),
        coalesce(oneehr_variables.variable, oneehr_dynamic.code) AS code,
        value,
        CASE
            WHEN oneehr_variables.variable IS NULL THEN try_cast(value AS DOUBLE)
            ELSE round(try_cast(value AS DOUBLE) * factor, 4)
        END AS number,
        variables.low,
        variables.high
    FROM oneehr_dynamic
    LEFT JOIN oneehr_variables USING (code)
    LEFT JOIN variables ON variables.name = oneehr_variables.variable
)
SELECT
    patient_id,
    coalesce(visit_id, patient_id) AS visit_id,
    event_time,
    coalesce(
        available_time,
        CASE WHEN getvariable('by_day') THEN event_time + to_days(1) ELSE event_time END
    ) AS available_time,
    'event' AS availability,
    code,
    number AS value,
    CASE
        WHEN event_time IS NULL THEN 'no_time'
        WHEN code IS NULL THEN 'no_code'
        WHEN value IS NULL THEN 'no_value'
        WHEN number IS NULL OR NOT isfinite(number) THEN 'not_a_number'
        WHEN available_time < event_time THEN 'available_before_event'
        -- null for codes that are not mapped: nothing is known of their units
        WHEN number NOT BETWEEN low AND high THEN 'implausible'
    END AS reason
FROM named;

CREATE TABLE source_labels AS
SELECT
    label_tasks.task,
    label_tasks.class,
    oneehr_label.patient_id,
    coalesce(oneehr_label.visit_id, oneehr_label.patient_id) AS visit_id,
    CASE WHEN getvariable('by_day') THEN label_time + to_days(1) ELSE label_time END AS index_time,
    oneehr_label.label_value
FROM oneehr_label
JOIN label_tasks USING (label_code);

CREATE TABLE source_visits AS
WITH times AS (
    SELECT visit_id, min(event_time) AS start_time, max(available_time) AS end_time
    FROM source_values
    WHERE reason IS NULL
    GROUP BY visit_id
),
labelled AS (
    SELECT visit_id, min(index_time) AS first_time, max(index_time) AS last_time
    FROM source_labels
    GROUP BY visit_id
),
of_static AS (
    SELECT *, coalesce(visit_id, patient_id) AS own_visit_id FROM oneehr_static
)
SELECT
    of_static.patient_id,
    of_static.own_visit_id AS visit_id,
    coalesce(times.start_time, labelled.first_time) AS start_time,
    greatest(times.end_time, labelled.last_time) AS end_time,
    NULL::TIMESTAMP AS death_time,
    CASE WHEN of_static.age BETWEEN 0 AND 120 THEN of_static.age END AS age,
    CASE
        WHEN lower(of_static.sex) IN ('m', 'male', '1', '1.0') THEN 'M'
        WHEN lower(of_static.sex) IN ('f', 'female', '0', '0.0') THEN 'F'
        ELSE 'U'
    END AS sex,
    of_static.admission_type,
    of_static.admission_location,
    NULL::VARCHAR AS discharge_location,
    NULL::VARCHAR AS period,
    NULL::VARCHAR AS fold
FROM of_static
LEFT JOIN times ON times.visit_id = of_static.own_visit_id
LEFT JOIN labelled ON labelled.visit_id = of_static.own_visit_id
WHERE coalesce(times.start_time, labelled.first_time) IS NOT NULL;

CREATE TABLE source_candidates AS
SELECT
    source_labels.task,
    source_labels.task || '-' || source_labels.visit_id || '-'
        || strftime(source_labels.index_time, '%Y%m%d%H%M%S') AS sample_id,
    source_labels.patient_id,
    source_labels.visit_id,
    NULL::BIGINT AS stay_id,
    source_labels.index_time,
    source_visits.start_time AS window_start,
    NULL::VARCHAR AS left_out,
    source_labels.class,
    source_labels.label_value
FROM source_labels
JOIN source_visits USING (patient_id, visit_id);
