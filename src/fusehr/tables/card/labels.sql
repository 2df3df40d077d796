-- Labels of each task and class by fold.
SELECT
    label.task,
    label.class,
    splits.fold,
    count(*) AS samples,
    count(DISTINCT label.patient_id) AS patients,
    count(*) FILTER (label.label_value = 1) AS positive,
    count(DISTINCT label.patient_id) FILTER (label.label_value = 1) AS positive_patients,
    count(DISTINCT label.patient_id) FILTER (label.label_value = 0) AS negative_patients
FROM label
JOIN splits USING (patient_id)
GROUP BY label.task, label.class, splits.fold
ORDER BY label.task, label.class, splits.fold
