-- Visits: as a column numbers them (where admissions or arrivals are numbered, those); else an admission up to the next discharge; else, of who has neither, all from
-- the first event to the last. An arrival in the emergency department that leads to the admission is when the visit
-- is first known of.
CREATE TABLE meds_visits AS
WITH timed AS (
    SELECT subject_id, time, code, visit_id, part
    FROM meds_parts
    WHERE time IS NOT NULL AND part <> 'birth'
),
numbered AS (
    SELECT
        subject_id,
        visit_id,
        coalesce(
            min(time) FILTER (part = 'admission'), min(time) FILTER (part = 'arrival'), min(time)
        ) AS start_time,
        coalesce(max(time) FILTER (part = 'discharge'), max(time)) AS end_time,
        coalesce(
            min(code) FILTER (part = 'admission'), min(code) FILTER (part = 'arrival')
        ) AS admission,
        min(code) FILTER (part = 'discharge') AS discharge,
        min(time) FILTER (part = 'arrival') AS arrival_time
    FROM timed
    WHERE visit_id IS NOT NULL
    GROUP BY subject_id, visit_id
    QUALIFY admission IS NOT NULL OR NOT bool_or(admission IS NOT NULL) OVER ()
),
unnumbered AS (
    FROM timed ANTI JOIN numbered USING (subject_id)
),
admissions AS (
    SELECT
        subject_id,
        time AS start_time,
        min(code) AS admission,
        lead(time) OVER (PARTITION BY subject_id ORDER BY time) AS next_time
    FROM unnumbered
    WHERE part = 'admission'
    GROUP BY subject_id, time
),
between_times AS (
    SELECT
        admissions.subject_id,
        start_time,
        admission,
        min(time) FILTER (part = 'discharge') AS discharge_time,
        arg_min(code, (time, code)) FILTER (part = 'discharge') AS discharge,
        -- without a discharge, what was last told before the next admission
        max(time) FILTER (time < next_time OR next_time IS NULL) AS last_time
    FROM admissions
    JOIN unnumbered
        ON unnumbered.subject_id = admissions.subject_id
        AND time >= start_time
        AND (next_time IS NULL OR time <= next_time)
    GROUP BY admissions.subject_id, start_time, admission
),
whole AS (
    SELECT subject_id, min(time) AS start_time, max(time) AS end_time
    FROM unnumbered
    ANTI JOIN admissions USING (subject_id)
    GROUP BY subject_id
),
own AS (
    SELECT
        between_times.subject_id,
        start_time,
        coalesce(discharge_time, last_time) AS end_time,
        admission,
        discharge,
        CASE
            WHEN start_time < arrivals.time + to_hours(getvariable('visit_gap_hours'))
                THEN arrivals.time
        END AS arrival_time
    FROM between_times
    ASOF LEFT JOIN (
        SELECT DISTINCT subject_id, time FROM unnumbered WHERE part = 'arrival'
    ) AS arrivals
        ON arrivals.subject_id = between_times.subject_id AND start_time >= arrivals.time
    UNION ALL
    SELECT subject_id, start_time, end_time, NULL, NULL, NULL FROM whole
)
SELECT
    subject_id,
    visit_id,
    start_time,
    greatest(start_time, end_time) AS end_time,
    admission,
    discharge,
    CASE WHEN arrival_time < start_time THEN arrival_time END AS arrival_time,
    true AS numbered
FROM numbered
UNION ALL
SELECT
    subject_id,
    coalesce((SELECT max(visit_id) FROM numbered), 0)
        + row_number() OVER (ORDER BY subject_id, start_time) AS visit_id,
    start_time,
    end_time,
    admission,
    discharge,
    CASE WHEN arrival_time < start_time THEN arrival_time END AS arrival_time,
    false AS numbered
FROM own;

-- Of visits of a subject that begin at once, the longest.
CREATE TABLE meds_visit_starts AS
SELECT *, coalesce(arrival_time, start_time) AS first_time
FROM meds_visits
QUALIFY row_number() OVER (
    PARTITION BY subject_id, first_time ORDER BY end_time DESC, visit_id
) = 1;

CREATE TABLE source_visits AS
WITH people AS (
    SELECT
        subject_id,
        min(time) FILTER (part = 'birth') AS birth_time,
        min(time) FILTER (part = 'death') AS death_time,
        min(CASE
            WHEN part <> 'sex' THEN NULL
            WHEN upper(split_part(code, '//', 2)) IN ('F', 'FEMALE') THEN 'F'
            WHEN upper(split_part(code, '//', 2)) IN ('M', 'MALE') THEN 'M'
        END) AS sex
    FROM meds_parts
    WHERE part IN ('birth', 'death', 'sex')
    GROUP BY subject_id
),
aged AS (
    SELECT
        meds_visits.*,
        people.death_time,
        people.sex,
        date_sub('year', people.birth_time, coalesce(arrival_time, start_time)) AS age
    FROM meds_visits
    LEFT JOIN people USING (subject_id)
)
SELECT
    subject_id AS patient_id,
    visit_id,
    start_time,
    end_time,
    -- in hospital; some deaths have a day alone
    CASE
        WHEN death_time::DATE BETWEEN start_time::DATE AND end_time::DATE
            THEN least(greatest(death_time, start_time), end_time)
    END AS death_time,
    CASE WHEN age BETWEEN 0 AND 120 THEN age END AS age,
    coalesce(sex, 'U') AS sex,
    -- who is not admitted from the emergency department has a place to come from, and no other type
    CASE
        WHEN starts_with(admission, 'ED_') THEN 'ED'
        ELSE nullif(split_part(admission, '//', 2), '')
    END AS admission_type,
    nullif(
        split_part(admission, '//', CASE WHEN starts_with(admission, 'ED_') THEN 2 ELSE 3 END), ''
    ) AS admission_location,
    nullif(split_part(discharge, '//', 2), '') AS discharge_location,
    NULL::VARCHAR AS period,
    meds_folds.fold,
    arrival_time
FROM aged
LEFT JOIN meds_folds USING (subject_id);
