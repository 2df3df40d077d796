-- Charted and laboratory values of the declared variables. The text of capillary refill becomes 0 or 1;
-- everything else is numeric already.
--
-- These two files are most of what is read, each once, and rows keep the files' order, which is nearly that of
-- the sort at the end. In such long tables a number stands for an item and its names.
CREATE TABLE used_items AS
SELECT
    row_number() OVER (ORDER BY items.source, items.itemid)::SMALLINT AS item,
    items.source,
    items.itemid::INTEGER AS itemid,
    items.variable,
    items.variable = 'capillary_refill' AS in_words,
    min(items.unit) AS written_unit,
    coalesce(lower(written_unit), '') AS unit
FROM items
GROUP BY items.source, items.itemid, items.variable;

CREATE TABLE used_units AS
SELECT
    row_number() OVER (ORDER BY used_items.item, items.unit)::SMALLINT AS number,
    used_items.item,
    coalesce(lower(items.unit), '') AS unit,
    items.factor,
    items.offset,
    items.variable = 'fio2' AS in_per_cent,
    variables.low,
    variables.high
FROM items
JOIN used_items USING (source, itemid)
LEFT JOIN variables ON variables.name = items.variable;

-- A file that is read counts for DuckDB as a few dozen rows: it would hold the large file in memory and look the
-- small table up in it.
SET disabled_optimizers = 'join_order,build_side_probe_side';

CREATE TABLE read_rows AS
WITH charted AS (
    SELECT
        used_items.item,
        chartevents.subject_id,
        chartevents.stay_id,
        chartevents.charttime,
        chartevents.storetime,
        CASE
            WHEN NOT used_items.in_words THEN chartevents.valuenum
            WHEN chartevents.value ILIKE 'normal%' THEN 0
            WHEN chartevents.value ILIKE 'abnormal%' THEN 1
        END AS number,
        -- most units are written as they are declared, and need not be made so
        CASE
            WHEN chartevents.valueuom = used_items.written_unit THEN used_items.unit
            ELSE coalesce(lower(trim(chartevents.valueuom)), '')
        END AS unit
    FROM chartevents
    JOIN used_items ON used_items.source = 'chartevents' AND used_items.itemid = chartevents.itemid
),
measured AS (
    SELECT
        used_items.item,
        labevents.subject_id,
        labevents.charttime,
        labevents.storetime,
        labevents.valuenum AS number,
        CASE
            WHEN labevents.valueuom = used_items.written_unit THEN used_items.unit
            ELSE coalesce(lower(trim(labevents.valueuom)), '')
        END AS unit
    FROM labevents
    JOIN used_items ON used_items.source = 'labevents' AND used_items.itemid = labevents.itemid
),
rows AS (
    SELECT true AS charted, * FROM charted
    UNION ALL BY NAME
    SELECT false AS charted, * FROM measured
),
converted AS (
    SELECT
        rows.*,
        used_units.number AS unit_number,
        used_units.low,
        used_units.high,
        round(
            CASE
                -- inspired oxygen is charted in per cent and, by some, as a fraction
                WHEN used_units.in_per_cent AND rows.number > 1 THEN rows.number / 100
                ELSE rows.number * used_units.factor + used_units.offset
            END, 4
        ) AS value
    FROM rows
    LEFT JOIN used_units USING (item, unit)
),
lifetimes AS (
    SELECT
        subject_id,
        make_date(ceil(anchor_year - anchor_age)::BIGINT, 1, 1)::TIMESTAMP AS first_time,
        dod + to_days(2) AS last_time
    FROM patients
),
-- a bedside value belongs to its stay; a day of grace covers transport to and from the unit
stays_with_grace AS (
    SELECT stay_id, intime - to_days(1) AS first_time, outtime + to_days(1) AS last_time
    FROM icustays
)
SELECT
    converted.item,
    converted.unit_number,
    CASE WHEN converted.unit_number IS NULL THEN converted.unit END AS unknown_unit,
    converted.subject_id,
    converted.stay_id,
    converted.charttime,
    converted.storetime,
    converted.number,
    converted.value,
    CASE
        WHEN lifetimes.subject_id IS NULL THEN 'unknown_patient'
        WHEN converted.charttime IS NULL THEN 'no_time'
        WHEN converted.number IS NULL THEN 'no_value'
        WHEN converted.unit_number IS NULL THEN 'unknown_unit'
        WHEN converted.charted AND stays_with_grace.stay_id IS NULL THEN 'unknown_stay'
        WHEN converted.charttime < stays_with_grace.first_time
            OR converted.charttime > stays_with_grace.last_time THEN 'outside_stay'
        WHEN converted.charttime < lifetimes.first_time
            OR converted.charttime > lifetimes.last_time THEN 'impossible_time'
        WHEN converted.value NOT BETWEEN converted.low AND converted.high THEN 'implausible'
    END AS reason,
    hash(
        converted.item, unknown_unit, converted.unit_number, converted.subject_id, converted.stay_id,
        converted.charttime, converted.storetime, converted.number
    ) AS fingerprint
FROM converted
LEFT JOIN lifetimes USING (subject_id)
LEFT JOIN stays_with_grace USING (stay_id);

RESET disabled_optimizers;

-- The same value charted twice at the same time and stored at the same time is one observation: 79,803 of
-- the demo's 668,862 chart rows are exact duplicates. Only rows that share a fingerprint are compared.
CREATE TABLE repeated AS
SELECT *, count(*) AS copies
FROM read_rows
WHERE fingerprint IN (
    SELECT fingerprint FROM read_rows GROUP BY fingerprint HAVING count(*) > 1
)
GROUP BY ALL;

CREATE VIEW value_rows AS
SELECT *, 1 AS copies FROM read_rows ANTI JOIN repeated USING (fingerprint)
UNION ALL
SELECT * FROM repeated;

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
