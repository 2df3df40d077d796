-- Charted values that are used, and ventilator settings of CareVue, read from the large file once.
CREATE TABLE mimic3.chart_rows AS
SELECT
    subject_id,
    icustay_id AS stay_id,
    itemid,
    charttime,
    storetime,
    value,
    valuenum,
    valueuom,
    CASE WHEN error = 1 THEN 'charted_in_error' END AS reason
FROM mimic3.chartevents
ANTI JOIN mimic3.left_out USING (subject_id)
WHERE itemid IN (
    SELECT itemid FROM items WHERE source = 'chartevents'
    UNION
    SELECT itemid FROM mimic3.ventilation_items
);

-- CareVue charts the total of the Glasgow coma scale (198) beside its parts (184, 723, 454). The sum is made
-- of the parts wherever all three are there, so the total counts where one is missing.
CREATE TABLE mimic3.whole_scales AS
SELECT subject_id, charttime
FROM mimic3.chart_rows
WHERE itemid IN (184, 723, 454) AND reason IS NULL
GROUP BY subject_id, charttime
HAVING count(DISTINCT itemid) = 3;

CREATE VIEW chartevents AS
SELECT
    rows.subject_id,
    rows.stay_id,
    rows.itemid,
    rows.charttime,
    rows.storetime,
    -- of the capillary refill
    CASE trim(rows.value) WHEN 'Brisk' THEN 'Normal' WHEN 'Delayed' THEN 'Abnormal' ELSE rows.value END AS value,
    -- CareVue charts the scale in words that begin with the points: '5 Oriented', '1.0 ET/Trach'
    CASE
        WHEN rows.itemid IN (184, 723, 454, 198)
            THEN coalesce(
                rows.valuenum,
                TRY_CAST(regexp_extract(rows.value, '^\s*(\d+(\.\d+)?)', 1) AS DOUBLE)
            )
        ELSE rows.valuenum
    END AS valuenum,
    rows.valueuom
FROM mimic3.chart_rows AS rows
ANTI JOIN mimic3.whole_scales AS whole
    ON rows.itemid = 198
    AND whole.subject_id = rows.subject_id
    AND whole.charttime = rows.charttime
WHERE rows.reason IS NULL;

-- When a result was stored, MIMIC-III does not tell.
CREATE VIEW labevents AS
SELECT subject_id, itemid, charttime, NULL::TIMESTAMP AS storetime, valuenum, valueuom
FROM mimic3.labevents
ANTI JOIN mimic3.left_out USING (subject_id);

-- Nor when a culture was found positive, so that its result is never known; that it was taken is.
CREATE VIEW microbiologyevents AS
SELECT subject_id, charttime, NULL::TIMESTAMP AS storetime, org_name
FROM mimic3.microbiologyevents
ANTI JOIN mimic3.left_out USING (subject_id);
