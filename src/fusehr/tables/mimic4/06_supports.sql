-- Vasopressors (the demo's 1,691 rows are mostly changes of dose) and invasive ventilation.
-- 221906 norepinephrine, 221749 phenylephrine, 222315 vasopressin, 221289 epinephrine, 221662 dopamine;
-- 225792 invasive ventilation. Inotropes (dobutamine, milrinone) are not vasopressors.
CREATE TABLE support_rows AS
WITH rows AS (
    SELECT subject_id, stay_id, 'vasopressor' AS support, starttime, endtime
    FROM inputevents
    WHERE itemid IN (221906, 221749, 222315, 221289, 221662)
    UNION ALL
    SELECT subject_id, stay_id, 'ventilation', starttime, endtime
    FROM procedureevents
    WHERE itemid = 225792
)
SELECT
    *,
    CASE
        WHEN starttime IS NULL OR endtime IS NULL THEN 'no_time'
        WHEN endtime < starttime THEN 'end_before_start'
    END AS reason
FROM rows;

-- Rows that touch or overlap are one run. A gap, however short, is kept: an end that is written only if
-- no restart follows would tell the future.
CREATE TABLE support_runs AS
WITH before AS (
    SELECT
        *,
        max(endtime) OVER (
            PARTITION BY subject_id, support ORDER BY starttime, endtime
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS last_endtime
    FROM support_rows
    WHERE reason IS NULL
),
numbered AS (
    SELECT
        *,
        count(*) FILTER (WHERE last_endtime IS NULL OR starttime > last_endtime) OVER (
            PARTITION BY subject_id, support ORDER BY starttime, endtime
        ) AS run_number
    FROM before
)
SELECT
    subject_id AS patient_id,
    support,
    min(starttime) AS starttime,
    max(endtime) AS endtime,
    -- begun after a time without it, and not merely resumed
    coalesce(
        min(starttime) >= first(last_endtime ORDER BY starttime, endtime)
            + to_hours(getvariable('free_hours')),
        true
    ) AS new_start
FROM numbered
GROUP BY subject_id, support, run_number;
