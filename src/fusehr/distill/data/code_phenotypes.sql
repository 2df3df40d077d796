-- A code stands forthe phenotypes that no visit with the code lacks.
CREATE TEMP TABLE code_phenotypes AS
WITH
of_codes AS (SELECT visit_id, unnest(diagnoses) AS code, phenotypes FROM first_visits),
code_counts AS (SELECT code, count(*) AS n FROM of_codes GROUP BY code)
SELECT code, phenotype
FROM (SELECT code, unnest(phenotypes) AS phenotype FROM of_codes)
JOIN code_counts USING (code)
WHERE n >= $min_patients
GROUP BY code, phenotype, n
HAVING count(*) = n
