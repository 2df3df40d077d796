-- Signs by the graph's nodes. Of nodes that share a name the one whose own name it is has it.
CREATE TEMP TABLE sign_nodes AS
SELECT named_signs.name, high, bound, kg_nodes.node_index, kg_nodes.type
FROM named_signs
JOIN kg_names ON lower(kg_names.name) = named_signs.node_name
JOIN kg_nodes USING (node_index)
WHERE kg_nodes.type IN ('disease', 'effect/phenotype')
QUALIFY row_number() OVER (
    PARTITION BY named_signs.name, high, node_name, kg_nodes.type
    ORDER BY kg_names.kind, kg_nodes.node_index
) = 1;

-- Diseases that have a sign: they present with it, lead to it, or are what it is called.
CREATE TEMP TABLE sign_diseases AS
WITH edges AS (
    SELECT x, relation, y FROM kg_edges
    WHERE relation IN ('disease_phenotype_positive', 'disease_complication')
        AND (y IN (SELECT node_index FROM sign_nodes) OR x IN (SELECT node_index FROM sign_nodes))
),
either AS (
    SELECT x AS disease, y AS node_index FROM edges
    UNION
    -- a phenotype's edge may be stated from its side; a complication has a direction
    SELECT y, x FROM edges WHERE relation = 'disease_phenotype_positive'
)
SELECT DISTINCT sign.node_index, either.disease
FROM (SELECT DISTINCT node_index FROM sign_nodes) AS sign
JOIN either USING (node_index)
JOIN kg_nodes ON kg_nodes.node_index = either.disease AND kg_nodes.type = 'disease'
UNION
SELECT node_index, node_index FROM sign_nodes WHERE type = 'disease';

CREATE TEMP TABLE sign_weights AS
SELECT
    node_index,
    CAST(round(1e6 * ln(1 + (SELECT count(DISTINCT disease) FROM sign_diseases) / count(*))) AS BIGINT)
        AS weight
FROM sign_diseases
GROUP BY node_index;

INSERT INTO signs_known
SELECT DISTINCT s, signal_rows.name, sign_nodes.node_index, weight
FROM signal_rows
JOIN sign_nodes
    ON sign_nodes.name = signal_rows.name
    AND sign_nodes.high = (signal_rows.z > 0)
    AND CASE WHEN high THEN value > bound ELSE value < bound END
JOIN sign_weights USING (node_index);

-- Several values may be one sign (three blood pressures), and one value several nodes: each node and each value
-- counts once.
INSERT INTO diseases_suspected
WITH by_node AS (
    SELECT s, node_index, min(name) AS name, any_value(weight) AS weight
    FROM signs_known
    GROUP BY s, node_index
),
by_value AS (
    SELECT s, disease, name, max(weight) AS weight
    FROM by_node
    JOIN sign_diseases USING (node_index)
    GROUP BY s, disease, name
),
scored AS (
    SELECT s, disease AS node_index, sum(weight) AS score
    FROM by_value
    GROUP BY s, disease
)
SELECT s, node_index,
    row_number() OVER (PARTITION BY s ORDER BY score DESC, node_index) AS place,
    round(score / 1e6, 6)
FROM scored
ANTI JOIN diseases_known USING (s, node_index)
ANTI JOIN diseases_denied USING (s, node_index)
QUALIFY place <= $diseases;
