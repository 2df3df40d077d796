-- When could the hospital have known it? Where storetime is missing: charttime plus the item's median lag
-- among train patients. In cross-validation no patient is only ever trained on, so nothing is fitted then.
-- The median is found among counted lags, of which there are few: an aggregate would hold every value in memory.
CREATE TABLE item_lags AS
WITH lags AS (
    SELECT
        value_rows.item,
        greatest(date_diff('second', charttime, storetime), 0) AS lag_seconds,
        count(*) AS n
    FROM value_rows
    JOIN splits ON splits.patient_id = value_rows.subject_id
    WHERE reason IS NULL AND storetime IS NOT NULL AND splits.fold = 'train'
    GROUP BY ALL
),
counted AS (
    SELECT
        item,
        lag_seconds,
        sum(n) OVER (PARTITION BY item ORDER BY lag_seconds) AS up_to,
        sum(n) OVER (PARTITION BY item) AS n
    FROM lags
)
SELECT
    used_items.source,
    used_items.itemid,
    min(counted.lag_seconds) AS lag_seconds,
    item
FROM counted
JOIN used_items USING (item)
WHERE 2 * counted.up_to >= counted.n
GROUP BY ALL;

CREATE VIEW timed_values AS
SELECT
    value_rows.subject_id AS patient_id,
    value_rows.charttime AS event_time,
    used_items.variable AS code,
    value_rows.value,
    CASE
        WHEN storetime IS NOT NULL THEN greatest(storetime, charttime)
        ELSE charttime + to_seconds(
            coalesce(lag_seconds, getvariable('default_lag_minutes') * 60)
        )
    END AS available_time,
    CASE
        WHEN storetime IS NOT NULL THEN 'storetime'
        WHEN lag_seconds IS NOT NULL THEN 'item_lag'
        ELSE 'default_lag'
    END AS availability
FROM value_rows
JOIN used_items USING (item)
LEFT JOIN item_lags USING (item)
WHERE reason IS NULL
UNION ALL
SELECT
    patient_id,
    charttime,
    variable,
    value,
    CASE
        WHEN source = 'ed_triage' THEN charttime
        ELSE charttime + to_minutes(getvariable('default_lag_minutes'))
    END,
    CASE WHEN source = 'ed_triage' THEN 'event' ELSE 'default_lag' END
FROM ed_rows
WHERE reason IS NULL;

-- A table, though it is read once: the sort below packs columns whose range is known.
CREATE TABLE events AS
SELECT patient_id, event_time, code, value, available_time, availability FROM timed_values
UNION ALL
-- Starts and ends are acts at the bedside, known when they happen; the storetime of an interval row is
-- that of its last edit (53 of the demo's 65 ventilation rows are stored after their end). A start carries
-- no amount and no duration.
SELECT patient_id, starttime, support || '/start', 1, starttime, 'event' FROM support_runs
UNION ALL
SELECT patient_id, endtime, support || '/end', 1, endtime, 'event' FROM support_runs
UNION ALL
SELECT subject_id, charttime, 'culture/taken', 1, charttime, 'event'
FROM microbiologyevents
WHERE charttime IS NOT NULL AND subject_id IN (SELECT subject_id FROM patients)
GROUP BY ALL
UNION ALL
SELECT subject_id, charttime, 'culture/positive', 1, greatest(storetime, charttime), 'storetime'
FROM microbiologyevents
WHERE org_name IS NOT NULL AND charttime IS NOT NULL AND storetime IS NOT NULL
    AND subject_id IN (SELECT subject_id FROM patients)
GROUP BY ALL;

-- The Glasgow coma scale has no total among MIMIC-IV's items: the sum of parts charted together.
INSERT INTO events
SELECT
    patient_id,
    event_time,
    'gcs_total',
    max(value) FILTER (code = 'gcs_eye')
        + max(value) FILTER (code = 'gcs_verbal')
        + max(value) FILTER (code = 'gcs_motor') AS total,
    max(available_time),
    arg_max(availability, (available_time, availability))
FROM events
WHERE code IN ('gcs_eye', 'gcs_verbal', 'gcs_motor')
GROUP BY patient_id, event_time
HAVING total IS NOT NULL;

-- A visit is looked for by patient and time: 28,420 of the demo's 107,727 laboratory rows carry no hadm_id.
CREATE VIEW dynamic AS
SELECT
    events.patient_id,
    events.event_time,
    events.code,
    events.value::DOUBLE AS value,
    visit_intervals.visit_id,
    events.available_time,
    events.availability
FROM events
LEFT JOIN visit_intervals
    ON visit_intervals.patient_id = events.patient_id
    AND events.event_time >= visit_intervals.start_time
    AND events.event_time < visit_intervals.next_start_time
    AND events.event_time <= visit_intervals.end_time;
