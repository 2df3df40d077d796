-- Texts by task and by the fold of their patients; those without a label are one group of their own.
SELECT
    task,
    CASE WHEN labelled THEN fold ELSE 'unlabelled' END AS name,
    count(*) AS n,
    sum(length(input))::BIGINT AS characters
FROM texts
JOIN folds USING (patient_id)
GROUP BY task, name
ORDER BY task, name
