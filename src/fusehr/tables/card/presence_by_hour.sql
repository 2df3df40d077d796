-- Share of the stays still in the unit that have each variable of the source, by hour: the heat strip. people
-- have it in some stay, others lack it in some.
WITH own AS (
    SELECT hour, patient_id, count(*) AS stays FROM stay_hours GROUP BY hour, patient_id
),
at_risk AS (
    SELECT hour, sum(stays)::BIGINT AS stays, count(*) AS people FROM own GROUP BY hour
),
own_measured AS (
    SELECT code, hour, patient_id, count(*) AS stays
    FROM measured_hours
    GROUP BY code, hour, patient_id
),
measured AS (
    SELECT
        own_measured.code,
        own_measured.hour,
        sum(own_measured.stays)::BIGINT AS stays,
        count(*) AS people,
        count(*) FILTER (own_measured.stays = own.stays) AS always
    FROM own_measured
    JOIN own USING (hour, patient_id)
    GROUP BY own_measured.code, own_measured.hour
)
SELECT
    variables.name AS code,
    at_risk.hour,
    coalesce(measured.stays, 0) / at_risk.stays AS share,
    coalesce(measured.people, 0) AS people,
    at_risk.people - coalesce(measured.always, 0) AS others
FROM (FROM variables SEMI JOIN dynamic ON dynamic.code = variables.name) AS variables
CROSS JOIN at_risk
LEFT JOIN measured ON measured.code = variables.name AND measured.hour = at_risk.hour
ORDER BY code, hour
