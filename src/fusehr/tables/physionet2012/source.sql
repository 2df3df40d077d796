-- The Challenge 2012's records as visits, values and candidates of the task mortality.
--
-- A record is one ICU stay of one patient; nobody is told to have two. Times are minutes since ICU admission,
-- and the day of admission is unknown: all stays begin on one fictitious day.
CREATE VIEW record_starts AS
SELECT record_id, fold, died, survival, length_of_stay, TIMESTAMP '2012-01-01' AS start_time
FROM record_outcomes;

CREATE TABLE source_visits AS
WITH descriptors AS (
    SELECT
        record_id,
        -- -1 stands for "not recorded"; ages of 90 and more are given as 90
        max(value) FILTER (parameter = 'Age' AND value BETWEEN 0 AND 120) AS age,
        max(value) FILTER (parameter = 'Gender') AS gender,
        max(value) FILTER (parameter = 'ICUType') AS icu_type
    FROM record_rows
    WHERE minute = 0
    GROUP BY record_id
)
SELECT
    record_id AS patient_id,
    record_id AS visit_id,
    start_time,
    -- Survival and Length_of_stay are whole days since ICU admission: the last of them ends the visit. A stay has
    -- 48 hours at least, although 26 of the 554 that died in set a are given a survival of one day.
    start_time + to_days(
        1 + greatest(coalesce(length_of_stay, 2), CASE WHEN died THEN coalesce(survival, 2) ELSE 2 END, 2)
    ) AS end_time,
    -- whoever lives on has a date of death too, where it is known: that is no death in hospital
    CASE WHEN died THEN start_time + to_days(1 + greatest(coalesce(survival, 2), 2)) END AS death_time,
    age,
    CASE gender WHEN 0 THEN 'F' WHEN 1 THEN 'M' ELSE 'U' END AS sex,
    CASE icu_type
        WHEN 1 THEN 'coronary care unit'
        WHEN 2 THEN 'cardiac surgery recovery unit'
        WHEN 3 THEN 'medical intensive care unit'
        WHEN 4 THEN 'surgical intensive care unit'
    END AS admission_type,
    NULL::VARCHAR AS admission_location,
    CASE WHEN died THEN 'DIED' END AS discharge_location,
    NULL::VARCHAR AS period,
    fold
FROM record_starts
LEFT JOIN descriptors USING (record_id);

-- MechVent is charted while a patient is ventilated, every few hours (95 % of the gaps in set a are under 5), and
-- never as 0 there. Eight hours without it end a run, as in the ventilation episodes of the MIMIC code repository
-- (Johnson et al., JAMIA 2018); nobody knows of that end before the eight hours are over.
CREATE VIEW ventilation_rows AS
WITH charted AS (
    SELECT
        *,
        lag(value) OVER in_time AS value_before,
        minute - lag(minute) OVER in_time AS minutes_since,
        lead(value) OVER in_time AS value_after,
        lead(minute) OVER in_time - minute AS minutes_until
    FROM record_rows
    WHERE parameter = 'MechVent' AND value IN (0, 1)
    WINDOW in_time AS (PARTITION BY record_id ORDER BY minute, line)
)
SELECT
    record_id,
    line,
    minute,
    value = 1 AND (coalesce(value_before, 0) = 0 OR minutes_since > 8 * 60) AS starts,
    CASE
        WHEN value = 0 AND value_before = 1 AND minutes_since <= 8 * 60 THEN minute
        WHEN value = 1 AND coalesce(minutes_until, 48 * 60 - minute) > 8 * 60 THEN minute + 8 * 60
    END AS end_known
FROM charted;

CREATE TABLE source_values AS
WITH numbered AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY record_id, minute, parameter, value ORDER BY line) AS copy
    FROM record_rows
    WHERE parameter IS NULL OR parameter NOT IN ('RecordID', 'Age', 'Gender', 'ICUType')
),
converted AS (
    SELECT
        numbered.*,
        items.variable,
        items.itemid IS NOT NULL AS known,
        round(
            -- inspired oxygen is a fraction, and by some charted in per cent
            CASE
                WHEN items.variable = 'fio2' AND numbered.value > 1 THEN numbered.value / 100
                ELSE numbered.value * items.factor + items.offset
            END, 4
        ) AS number
    FROM numbered
    LEFT JOIN items ON items.source = 'records' AND items.itemid = numbered.parameter
),
marked AS (
    SELECT
        converted.*,
        CASE
            WHEN NOT known THEN 'unknown_parameter'
            WHEN value IS NULL OR value = -1 THEN 'missing'
            WHEN copy > 1 THEN 'duplicate'
            -- cuffs and transducers that were off (0 mmHg, 0 bpm), heights of 431.8 cm (170 inches taken for
            -- inches twice), pH without its point (735)
            WHEN variable = 'ventilation' AND value NOT IN (0, 1) THEN 'implausible'
            WHEN number NOT BETWEEN variables.low AND variables.high THEN 'implausible'
        END AS reason
    FROM converted
    LEFT JOIN variables ON variables.name = converted.variable
),
acts AS (
    SELECT
        marked.record_id,
        marked.minute,
        unnest([
            {'code': 'ventilation/start', 'known_minute': marked.minute, 'happens': starts},
            {'code': 'ventilation/end', 'known_minute': end_known, 'happens': end_known IS NOT NULL},
            {
                'code': 'ventilation',
                'known_minute': marked.minute,
                'happens': NOT starts AND end_known IS NULL
            }
        ], recursive := true)
    FROM marked
    JOIN ventilation_rows USING (record_id, line)
    WHERE marked.reason IS NULL AND marked.variable = 'ventilation'
)
-- The challenge tells when a value was true and never when it was stored: it counts as known at once, and so
-- all 48 hours are the input, as in the challenge.
SELECT
    record_id AS patient_id,
    record_id AS visit_id,
    start_time + to_minutes(minute) AS event_time,
    start_time + to_minutes(minute) AS available_time,
    'event' AS availability,
    variable AS code,
    number AS value,
    reason
FROM marked
JOIN record_starts USING (record_id)
WHERE reason IS NOT NULL OR variable <> 'ventilation'
UNION ALL
SELECT
    record_id,
    record_id,
    start_time + to_minutes(minute),
    start_time + to_minutes(known_minute),
    'event',
    code,
    1,
    -- charted again while it runs: no act, and told for the count's sake
    CASE WHEN code = 'ventilation' THEN 'no_change' END
FROM acts
JOIN record_starts USING (record_id)
WHERE happens;

-- Everybody stayed 48 hours; who died in hospital did so after them.
CREATE TABLE source_candidates AS
SELECT
    'mortality' AS task,
    'mortality-' || patient_id AS sample_id,
    patient_id,
    visit_id,
    patient_id AS stay_id,
    start_time + to_hours(getvariable('index_hours')) AS index_time,
    start_time AS window_start,
    CASE WHEN age < getvariable('min_age') THEN 'under_age' END AS left_out,
    'positive' AS class,
    (death_time IS NOT NULL)::DOUBLE AS label_value
FROM source_visits;
