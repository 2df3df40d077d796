-- Numbers, and codes without one (a diagnosis, an order), which are events of no value. What stands without a time
-- (race, language) is no event: it is dropped, and counted as static.
CREATE TABLE source_values AS
SELECT
    events.subject_id AS patient_id,
    CASE
        WHEN events.visit_id IS NOT NULL THEN events.visit_id
        WHEN NOT starts.numbered AND events.time <= starts.end_time THEN starts.visit_id
    END AS visit_id,
    events.time AS event_time,
    coalesce(events.available_time, events.time) AS available_time,
    CASE
        WHEN events.available_time IS NOT NULL
            AND events.availability IN ('storetime', 'item_lag', 'default_lag')
            THEN events.availability
        ELSE 'event'
    END AS availability,
    events.code,
    events.value,
    CASE
        WHEN events.time IS NULL THEN 'static'
        WHEN NOT isfinite(events.value) THEN 'not_a_number'
        WHEN events.available_time < events.time THEN 'available_before_event'
    END AS reason
FROM (FROM meds_parts WHERE part = 'value') AS events
ASOF LEFT JOIN meds_visit_starts AS starts
    ON starts.subject_id = events.subject_id AND events.time >= starts.first_time;

INSERT INTO source_notes
SELECT
    coalesce(
        events.note_id,
        events.subject_id || '-' || row_number() OVER (
            PARTITION BY events.subject_id ORDER BY events.time, events.code, events.text
        )
    ),
    events.subject_id,
    CASE
        WHEN events.visit_id IS NOT NULL THEN events.visit_id
        WHEN NOT starts.numbered AND events.time <= starts.end_time THEN starts.visit_id
    END,
    events.time,
    coalesce(events.available_time, events.time),
    events.note_kind,
    events.text,
    CASE
        WHEN events.time IS NULL THEN 'static'
        WHEN events.available_time < events.time THEN 'available_before_event'
    END
FROM (FROM meds_parts WHERE part = 'note') AS events
ASOF LEFT JOIN meds_visit_starts AS starts
    ON starts.subject_id = events.subject_id AND events.time >= starts.first_time;
