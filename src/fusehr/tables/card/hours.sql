-- Whether a variable was measured, by hour of the first 48 of each stay in the unit. An hour counts
-- for a stay that lasted it out.
CREATE TABLE stay_hours AS
SELECT
    stay_id,
    patient_id,
    intime,
    unnest(range(least(48, date_diff('second', intime, outtime) // 3600))) AS hour
FROM icu_stays;

CREATE TABLE measured_hours AS
WITH timed AS (
    SELECT
        dynamic.code,
        dynamic.patient_id,
        icu_stays.stay_id,
        date_diff('second', icu_stays.intime, dynamic.event_time) // 3600 AS hour
    FROM dynamic
    ASOF JOIN icu_stays
        ON icu_stays.patient_id = dynamic.patient_id
        AND icu_stays.intime <= dynamic.event_time
    WHERE dynamic.code IN (SELECT name FROM variables)
        AND dynamic.event_time < icu_stays.intime + INTERVAL 48 HOUR
)
SELECT DISTINCT timed.code, timed.patient_id, timed.stay_id, timed.hour
FROM timed
SEMI JOIN stay_hours USING (stay_id, hour);
