-- Infusions of MetaVision, as MIMIC-IV has them. A rewritten row was replaced by another.
CREATE VIEW mimic3.infusions_marked AS
SELECT *, CASE WHEN statusdescription = 'Rewritten' THEN 'rewritten' END AS reason
FROM mimic3.inputevents_mv
ANTI JOIN mimic3.left_out USING (subject_id);

CREATE VIEW mimic3.procedures_marked AS
SELECT *, CASE WHEN statusdescription = 'Rewritten' THEN 'rewritten' END AS reason
FROM mimic3.procedureevents_mv
ANTI JOIN mimic3.left_out USING (subject_id);

-- CareVue charts the rate of a drip at points in time. A rate above 0 holds until the next row of the drug,
-- or until so long has passed that the chart's silence tells its end; that the last row is the last is
-- known to nobody at the time. A row without a rate carries the one before on. Items as in mimic-code
-- (mimic-iii/concepts/durations), which gives the drug's item of MetaVision to each.
CREATE VIEW mimic3.drips AS
WITH drugs (itemid, mv_itemid) AS (
    VALUES
        (30047, 221906), (30120, 221906), -- norepinephrine
        (30044, 221289), (30119, 221289), (30309, 221289), -- epinephrine
        (30127, 221749), (30128, 221749), -- phenylephrine
        (30051, 222315), -- vasopressin
        (30043, 221662), (30307, 221662) -- dopamine
),
points AS (
    SELECT
        inputevents_cv.subject_id,
        drugs.mv_itemid AS itemid,
        inputevents_cv.charttime,
        min(inputevents_cv.icustay_id) AS stay_id,
        max(inputevents_cv.rate) AS rate,
        bool_or(
            coalesce(
                inputevents_cv.stopped = 'Stopped' OR starts_with(inputevents_cv.stopped, 'D/C'), false
            )
        ) AS stopped
    FROM mimic3.inputevents_cv
    JOIN drugs USING (itemid)
    ANTI JOIN mimic3.left_out USING (subject_id)
    WHERE inputevents_cv.charttime IS NOT NULL
    GROUP BY ALL
),
states AS (
    SELECT
        *,
        last_value(CASE WHEN stopped THEN false ELSE rate > 0 END IGNORE NULLS) OVER until_now AS runs,
        lead(charttime) OVER in_time AS next_time
    FROM points
    WINDOW
        in_time AS (PARTITION BY subject_id, itemid ORDER BY charttime),
        until_now AS (
            PARTITION BY subject_id, itemid ORDER BY charttime
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
)
SELECT
    subject_id,
    stay_id,
    charttime AS starttime,
    least(next_time, charttime + to_hours(getvariable('mimic3_infusion_lapse_hours'))) AS endtime,
    itemid
FROM states
WHERE runs;

CREATE VIEW inputevents AS
SELECT subject_id, icustay_id AS stay_id, starttime, endtime, itemid
FROM mimic3.infusions_marked
WHERE reason IS NULL
UNION ALL
SELECT * FROM mimic3.drips;

-- Ventilation in CareVue: a ventilator setting holds until the next setting, until extubation or another
-- oxygen device is charted, or until a lapse. Items, words and lapse as in mimic-code's ventilation
-- classification, which does not tell invasive from non-invasive ventilation; settings of MetaVision are
-- not used, as it charts ventilation itself (225792).
CREATE VIEW mimic3.ventilation AS
WITH points AS (
    SELECT
        rows.subject_id,
        rows.charttime,
        min(rows.stay_id) AS stay_id,
        bool_or(coalesce(exact.says, other.says) = 'on') AS is_on,
        bool_or(coalesce(exact.says, other.says) = 'extubated') AS extubated
    FROM mimic3.chart_rows AS rows
    LEFT JOIN mimic3.ventilation_items AS exact
        ON exact.itemid = rows.itemid AND exact.value = trim(rows.value)
    LEFT JOIN mimic3.ventilation_items AS other
        ON other.itemid = rows.itemid AND other.value = '*'
    WHERE rows.reason IS NULL AND rows.value IS NOT NULL AND rows.charttime IS NOT NULL
        AND coalesce(exact.says, other.says, 'nothing') <> 'nothing'
    GROUP BY rows.subject_id, rows.charttime
),
ordered AS (
    SELECT
        *,
        lead(charttime) OVER (PARTITION BY subject_id ORDER BY charttime) AS next_time
    FROM points
)
SELECT
    subject_id,
    stay_id,
    charttime AS starttime,
    least(next_time, charttime + to_hours(getvariable('mimic3_ventilation_lapse_hours'))) AS endtime,
    225792 AS itemid
FROM ordered
WHERE is_on AND NOT extubated;

CREATE VIEW procedureevents AS
SELECT subject_id, icustay_id AS stay_id, starttime, endtime, itemid
FROM mimic3.procedures_marked
WHERE reason IS NULL
UNION ALL
SELECT * FROM mimic3.ventilation;
