-- Per diagnosis code the graph's diseases and the drugs that it says are indicated for them.
CREATE TEMP TABLE graph_hints AS
WITH
pairs AS (
    SELECT x AS disease, y AS drug FROM kg_edges WHERE relation = 'indication'
    UNION
    SELECT y, x FROM kg_edges WHERE relation = 'indication'
),
named AS (
    SELECT DISTINCT disease.name AS disease, lower(drug.name) AS drug
    FROM pairs
    JOIN kg_nodes AS disease ON disease.node_index = pairs.disease AND disease.type = 'disease'
    JOIN kg_nodes AS drug ON drug.node_index = pairs.drug AND drug.type = 'drug'
),
chosen AS (
    FROM named
    QUALIFY row_number() OVER (PARTITION BY disease ORDER BY drug) <= $most_drugs
),
told AS (
    SELECT disease, string_agg(drug, ', ' ORDER BY drug) AS drugs FROM chosen GROUP BY disease
)
SELECT DISTINCT kg_codes.code, told.disease, told.drugs
FROM kg_codes
JOIN kg_nodes USING (node_index)
JOIN told ON told.disease = kg_nodes.name
WHERE kg_nodes.type = 'disease'
