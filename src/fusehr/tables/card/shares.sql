-- Every share of the comparison from rows of one form: its name, a patient, yes or no. Definitions are
-- fixed here, whatever the parameters of the tasks, so that sources compare.
WITH long_stay AS (
    SELECT DISTINCT patient_id FROM icu_stays WHERE outtime >= intime + INTERVAL 48 HOUR
),
following AS (
    SELECT
        *,
        lead(admit_time) OVER in_time AS next_admit_time,
        lead(admission_type) OVER in_time AS next_admission_type
    FROM visits
    WINDOW in_time AS (PARTITION BY patient_id ORDER BY admit_time, visit_id)
),
rows AS (
    SELECT
        'icu_visit' AS name,
        patient_id,
        visit_id IN (SELECT visit_id FROM icu_visits) AS yes
    FROM visits
    UNION ALL
    SELECT 'long_stay', patient_id, patient_id IN (SELECT patient_id FROM long_stay)
    FROM (SELECT DISTINCT patient_id FROM static)
    UNION ALL
    SELECT 'female', patient_id, sex = 'F' FROM icu_visits
    UNION ALL
    SELECT 'hospital_mortality', patient_id, death_time IS NOT NULL FROM icu_visits
    UNION ALL
    -- as the task of mortality with its published index: adults alive and in the unit after 48 hours
    SELECT
        'mortality_after_48h',
        patient_id,
        coalesce(death_time > intime + INTERVAL 48 HOUR, false)
    FROM icu_stays
    WHERE age >= 18
        AND outtime >= intime + INTERVAL 48 HOUR
        AND coalesce(death_time > intime + INTERVAL 48 HOUR, true)
    UNION ALL
    -- as the task of readmission: unplanned, within 30 days of a live discharge home or to a facility
    SELECT
        'readmission_30d',
        patient_id,
        coalesce(
            next_admit_time <= discharge_time + INTERVAL 30 DAY
            AND next_admission_type IN ('EW EMER.', 'DIRECT EMER.', 'URGENT', 'OBSERVATION ADMIT'),
            false
        )
    FROM following
    WHERE death_time IS NULL
        AND coalesce(discharge_location, '') NOT IN ('HOSPICE', 'ACUTE HOSPITAL')
    UNION ALL
    SELECT
        'phenotype/' || phenotype_names.phenotype,
        icu_visits.patient_id,
        list_contains(icu_visits.phenotypes, phenotype_names.phenotype)
    FROM icu_visits
    CROSS JOIN phenotype_names
    WHERE len(icu_visits.diagnoses) > 0
)
SELECT
    name,
    count(*) FILTER (yes) / count(*) AS value,
    count(*) AS n,
    count(DISTINCT patient_id) FILTER (yes) AS people,
    count(DISTINCT patient_id) FILTER (NOT yes) AS others
FROM rows
GROUP BY name
ORDER BY name
