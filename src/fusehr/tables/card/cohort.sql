SELECT
    (SELECT count(DISTINCT patient_id) FROM static) AS patients,
    (SELECT count(*) FROM visits) AS hospital_visits,
    (SELECT count(*) FROM static) - (SELECT count(*) FROM visits) AS ed_only_visits,
    (SELECT count(*) FROM icu_stays) AS icu_stays,
    (SELECT count(*) FROM visits WHERE len(diagnoses) = 0) AS visits_without_diagnoses,
    (SELECT count(*) FROM visits WHERE len(drugs) = 0) AS visits_without_drugs
