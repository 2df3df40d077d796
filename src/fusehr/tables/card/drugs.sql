SELECT
    count(*) AS orders,
    count(DISTINCT code) AS names,
    count(DISTINCT patient_id) AS patients,
    (
        SELECT quantile_disc(len(visits.drugs), 0.5) FROM visits WHERE len(visits.drugs) > 0
    ) AS names_per_visit
FROM drugs
