-- Drugs said to help against diseases of the visit just ended: first what the graph tells of its codes, then
-- statistics of those phenotypes that no code with a hint of the graph stands for.
INSERT INTO sections
WITH
current AS (
    SELECT sample_id, kind, code FROM sample_codes WHERE current_visit
),
of_graph AS (
    SELECT sample_id, disease, any_value(drugs) AS drugs, 0 AS source, min(code) AS rank
    FROM current
    JOIN graph_hints USING (code)
    WHERE kind = 'diagnosis'
    GROUP BY sample_id, disease
),
covered AS (
    SELECT DISTINCT current.sample_id, code_phenotypes.phenotype
    FROM current
    JOIN code_phenotypes USING (code)
    WHERE kind = 'diagnosis' AND code IN (SELECT code FROM graph_hints)
),
statistics AS (
    SELECT phenotype, string_agg(drug, ', ' ORDER BY place) AS drugs
    FROM drug_statistics
    GROUP BY phenotype
),
of_statistics AS (
    SELECT current.sample_id, phenotype_titles.short, drugs, 1 AS source, current.code AS rank
    FROM current
    JOIN statistics ON statistics.phenotype = current.code
    JOIN phenotype_titles ON phenotype_titles.phenotype = current.code
    ANTI JOIN covered
        ON covered.sample_id = current.sample_id
        AND covered.phenotype = current.code
    WHERE kind = 'phenotype'
),
once AS (
    SELECT *
    FROM (FROM of_graph UNION ALL FROM of_statistics)
    QUALIFY row_number() OVER (PARTITION BY sample_id, lower(disease) ORDER BY source, rank, disease) = 1
)
SELECT
    sample_id,
    4 AS part,
    row_number() OVER (PARTITION BY sample_id ORDER BY source, rank, disease) AS place,
    'hints' AS kind,
    'The medications that maybe have therapeutic effect on ' || disease || ' are ' || drugs || '.'
        AS text
FROM once
QUALIFY place <= $most_diseases
