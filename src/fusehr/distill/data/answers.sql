-- The answer in words of each labelled sample of the task. Classes outcome/... are no part of the answer.
CREATE OR REPLACE TEMP TABLE outputs AS
WITH labels AS (
    SELECT sample_id, class, label_value
    FROM label
    WHERE task = $task AND NOT starts_with(class, 'outcome/')
),
diagnoses AS (
    SELECT
        sample_id,
        coalesce(
            string_agg(title, $separator ORDER BY number) FILTER (WHERE label_value = 1), $nothing
        ) AS output
    FROM labels
    JOIN phenotype_titles ON phenotype_titles.phenotype = labels.class
    WHERE $task = 'next_diagnoses'
    GROUP BY sample_id
)
SELECT sample_id, $start || output AS output FROM diagnoses
UNION ALL
SELECT labels.sample_id, answers.output
FROM labels
JOIN answers
    ON answers.task = $task
    AND answers.class = labels.class
    AND answers.label_value = labels.label_value
