-- Facts that any sample of this run can retrieve, in words: edges of its diseases and, of its drugs, those
-- to its diseases and to what they cause; and the diseases' definitions. Diseases that are only suspected have
-- facts too.
CREATE TEMP TABLE diseases_told AS
SELECT DISTINCT node_index FROM diseases_known;

CREATE TEMP TABLE diseases_of_run AS
FROM diseases_told
UNION
SELECT node_index FROM diseases_suspected;

CREATE TEMP TABLE drugs_of_run AS
SELECT DISTINCT node_index FROM drugs_known;

CREATE TEMP TABLE known_facts AS
WITH touched AS (
    SELECT DISTINCT kg_edges.*
    FROM kg_edges
    WHERE x IN (FROM diseases_of_run) OR y IN (FROM diseases_of_run)
        OR x IN (FROM drugs_of_run) OR y IN (FROM drugs_of_run)
),
ends AS (
    SELECT
        touched.relation,
        touched.display_relation,
        x,
        y,
        first.type AS x_type,
        second.type AS y_type,
        CASE first.type WHEN 'drug' THEN lower(first.name) ELSE first.name END AS x_name,
        CASE second.type WHEN 'drug' THEN lower(second.name) ELSE second.name END AS y_name
    FROM touched
    JOIN kg_nodes AS first ON first.node_index = touched.x
    JOIN kg_nodes AS second ON second.node_index = touched.y
),
facts AS (
    SELECT
        ends.relation,
        x,
        y,
        x_type,
        y_type,
        coalesce(wording.weight, $other_weight) AS weight,
        replace(replace(replace(
            coalesce(wording.text, $other_text), '{x}', x_name), '{y}', y_name),
            '{r}', display_relation) AS text
    FROM ends
    LEFT JOIN wording USING (relation, x_type, y_type)
    UNION ALL
    SELECT
        'definition',
        node_index,
        NULL,
        'disease',
        NULL,
        0,
        replace(replace($definition_text, '{x}', kg_nodes.name), '{y}', rtrim(definitions.text, '. '))
    FROM definitions
    JOIN kg_nodes USING (node_index)
    WHERE node_index IN (FROM diseases_of_run)
)
SELECT
    CAST(row_number() OVER (ORDER BY text, relation, x, y) AS INTEGER) AS fact_id,
    facts.*,
    sha256(text) AS text_sha256
FROM facts;

-- A disease's facts, those that both its ends are diseases for either.
CREATE TEMP TABLE disease_facts AS
SELECT x AS node_index, fact_id, y AS other, text
FROM known_facts
WHERE x_type = 'disease' AND relation <> 'definition' AND x IN (FROM diseases_told)
    AND ($unprescribed_drugs OR y_type <> 'drug')
UNION
SELECT y, fact_id, x, text
FROM known_facts
WHERE y_type = 'disease' AND y IN (FROM diseases_told)
    AND ($unprescribed_drugs OR x_type <> 'drug');

CREATE TEMP TABLE pair_facts AS
SELECT
    CASE x_type WHEN 'drug' THEN x ELSE y END AS drug,
    CASE x_type WHEN 'drug' THEN y ELSE x END AS disease,
    fact_id,
    weight
FROM known_facts
WHERE (x_type = 'drug' AND y_type = 'disease') OR (x_type = 'disease' AND y_type = 'drug');

CREATE TEMP TABLE drug_facts AS
SELECT x AS drug, y AS other, fact_id, weight
FROM known_facts
WHERE x_type = 'drug' AND y_type <> 'disease' AND x IN (FROM drugs_of_run);
