-- Drugs that visits with a phenotype have more often than visits at large, the most so first.
CREATE TEMP TABLE drug_statistics AS
WITH
of_phenotypes AS (SELECT visit_id, unnest(phenotypes) AS phenotype FROM first_visits),
of_drugs AS (SELECT visit_id, unnest(drugs) AS drug FROM first_visits),
phenotype_counts AS (SELECT phenotype, count(*) AS n FROM of_phenotypes GROUP BY phenotype),
drug_counts AS (SELECT drug, count(*) AS n FROM of_drugs GROUP BY drug),
total AS (SELECT count(*) AS n FROM first_visits),
pairs AS (
    SELECT phenotype, drug, count(*) AS n
    FROM of_phenotypes
    JOIN of_drugs USING (visit_id)
    GROUP BY phenotype, drug
)
SELECT
    phenotype,
    drug,
    pairs.n AS patients,
    pairs.n * total.n / (phenotype_counts.n * drug_counts.n) AS lift,
    row_number() OVER (PARTITION BY phenotype ORDER BY lift DESC, drug) AS place
FROM pairs
JOIN phenotype_counts USING (phenotype)
JOIN drug_counts USING (drug)
CROSS JOIN total
WHERE pairs.n >= $min_patients
    AND lift >= $min_lift
QUALIFY place <= $most_drugs
