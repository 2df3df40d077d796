-- Share of stay-hours with each variable; n counts stays. A variable never measured gives no row.
SELECT
    'present/' || measured_hours.code AS name,
    count(*) / (SELECT count(*) FROM stay_hours) AS value,
    (SELECT count(DISTINCT stay_id) FROM stay_hours) AS n,
    count(DISTINCT measured_hours.patient_id) AS people
FROM measured_hours
GROUP BY measured_hours.code
ORDER BY name
