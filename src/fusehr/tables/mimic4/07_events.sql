-- Charted and laboratory values of the declared variables. The text of capillary refill becomes 0 or 1;
-- everything else is numeric already.
--
-- These two files are most of what is read. Rows are filtered and narrowed while they are read, each file is
-- deduplicated by itself, and names, units and bounds are looked up for distinct rows only.
CREATE TABLE value_rows AS
WITH used AS (
    SELECT DISTINCT
        items.source,
        items.itemid,
        items.variable,
        items.variable = 'capillary_refill' AS in_words,
        variables.low,
        variables.high
    FROM items
    LEFT JOIN variables ON variables.name = items.variable
),
-- The same value charted twice at the same time and stored at the same time is one observation: 79,803 of
-- the demo's 668,862 chart rows are exact duplicates.
charted AS (
    SELECT
        chartevents.itemid,
        chartevents.subject_id,
        chartevents.stay_id,
        chartevents.charttime,
        chartevents.storetime,
        CASE
            WHEN NOT used.in_words THEN chartevents.valuenum
            WHEN chartevents.value ILIKE 'normal%' THEN 0
            WHEN chartevents.value ILIKE 'abnormal%' THEN 1
        END AS number,
        coalesce(lower(trim(chartevents.valueuom)), '') AS unit,
        count(*) AS copies
    FROM chartevents
    JOIN used ON used.source = 'chartevents' AND used.itemid = chartevents.itemid
    GROUP BY ALL
),
measured AS (
    SELECT
        itemid,
        subject_id,
        charttime,
        storetime,
        valuenum AS number,
        coalesce(lower(trim(valueuom)), '') AS unit,
        count(*) AS copies
    FROM labevents
    WHERE itemid IN (SELECT itemid FROM used WHERE source = 'labevents')
    GROUP BY ALL
),
distinct_rows AS (
    SELECT 'chartevents' AS source, * FROM charted
    UNION ALL BY NAME
    SELECT 'labevents' AS source, * FROM measured
),
converted AS (
    SELECT
        distinct_rows.*,
        used.variable,
        used.low,
        used.high,
        units.itemid IS NOT NULL AS unit_known,
        round(
            CASE
                -- inspired oxygen is charted in per cent and, by some, as a fraction
                WHEN used.variable = 'fio2' AND distinct_rows.number > 1
                    THEN distinct_rows.number / 100
                ELSE distinct_rows.number * units.factor + units.offset
            END, 4
        ) AS value
    FROM distinct_rows
    JOIN used USING (source, itemid)
    LEFT JOIN items AS units
        ON units.source = distinct_rows.source
        AND units.itemid = distinct_rows.itemid
        AND coalesce(lower(units.unit), '') = distinct_rows.unit
)
SELECT
    converted.source,
    converted.itemid,
    converted.variable,
    converted.subject_id,
    converted.charttime,
    converted.storetime,
    converted.value,
    CASE WHEN NOT converted.unit_known THEN converted.unit END AS unknown_unit,
    converted.copies,
    CASE
        WHEN patients.subject_id IS NULL THEN 'unknown_patient'
        WHEN converted.charttime IS NULL THEN 'no_time'
        WHEN converted.number IS NULL THEN 'no_value'
        WHEN NOT converted.unit_known THEN 'unknown_unit'
        WHEN converted.source = 'chartevents' AND icustays.stay_id IS NULL THEN 'unknown_stay'
        -- a bedside value belongs to its stay; a day of grace covers transport to and from the unit
        WHEN converted.charttime < icustays.intime - to_days(1)
            OR converted.charttime > icustays.outtime + to_days(1) THEN 'outside_stay'
        WHEN year(converted.charttime) < patients.anchor_year - patients.anchor_age
            OR converted.charttime > patients.dod + to_days(2) THEN 'impossible_time'
        WHEN converted.value NOT BETWEEN converted.low AND converted.high THEN 'implausible'
    END AS reason
FROM converted
LEFT JOIN patients USING (subject_id)
LEFT JOIN icustays USING (stay_id);

CREATE TABLE ed_rows AS
WITH rows AS (
    -- triage has no time of its own; it happens on arrival
    SELECT
        'ed_triage' AS source,
        ed_times.patient_id,
        ed_times.intime AS charttime,
        unnest([
            {'variable': 'temperature', 'number': triage.temperature},
            {'variable': 'heart_rate', 'number': triage.heartrate},
            {'variable': 'respiratory_rate', 'number': triage.resprate},
            {'variable': 'spo2', 'number': triage.o2sat},
            {'variable': 'sbp', 'number': triage.sbp},
            {'variable': 'dbp', 'number': triage.dbp}
        ], recursive := true)
    FROM triage
    JOIN ed_times USING (stay_id)
    UNION ALL
    SELECT
        'ed_vitalsign',
        ed_times.patient_id,
        vitalsign.charttime,
        unnest([
            {'variable': 'temperature', 'number': vitalsign.temperature},
            {'variable': 'heart_rate', 'number': vitalsign.heartrate},
            {'variable': 'respiratory_rate', 'number': vitalsign.resprate},
            {'variable': 'spo2', 'number': vitalsign.o2sat},
            {'variable': 'sbp', 'number': vitalsign.sbp},
            {'variable': 'dbp', 'number': vitalsign.dbp}
        ], recursive := true)
    FROM vitalsign
    JOIN ed_times USING (stay_id)
),
distinct_rows AS (
    SELECT *, count(*) AS copies FROM rows GROUP BY ALL
),
converted AS (
    SELECT
        *,
        -- MIMIC-IV-ED gives temperature in Fahrenheit
        round(CASE WHEN variable = 'temperature' THEN (number - 32) / 1.8 ELSE number END, 4) AS value
    FROM distinct_rows
)
SELECT
    converted.*,
    CASE
        WHEN converted.charttime IS NULL THEN 'no_time'
        WHEN converted.number IS NULL THEN 'no_value'
        WHEN converted.value NOT BETWEEN variables.low AND variables.high THEN 'implausible'
    END AS reason
FROM converted
JOIN variables ON variables.name = converted.variable;
