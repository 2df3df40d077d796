-- Human Disease Ontology's tables (CC0) in PrimeKG's columns: parents, symptoms, and of the typed
-- relations (facets) those that say where a disease is and how it is inherited. Facets list every
-- ancestor of a term; those that hold for nearly all diseases (`anatomical structure`) say nothing.
CREATE TEMP TABLE labels AS
SELECT id, min(label) AS name
FROM (
    SELECT id, label FROM human_do
    UNION ALL
    SELECT disease_id, disease_label FROM symptoms
)
GROUP BY id;

CREATE TEMP TABLE facets AS
SELECT
    id,
    replace(definition, '_', ' ') AS definition,
    CASE facet
        WHEN 'anatomy' THEN 'disease_anatomy'
        WHEN 'cell_type' THEN 'disease_cell_type'
        WHEN 'inheritance_pattern' THEN 'disease_inheritance'
    END AS relation,
    CASE facet
        WHEN 'anatomy' THEN 'anatomy'
        WHEN 'cell_type' THEN 'cell type'
        WHEN 'inheritance_pattern' THEN 'inheritance'
    END AS type,
    import_id,
    import_keyword,
    count(*) OVER (PARTITION BY facet, import_id) AS diseases
FROM raw_facets;

CREATE TEMP TABLE triples AS
WITH parents AS (
    SELECT DISTINCT child.id AS x_id, parent.id AS y_id, parent.name AS y_name
    FROM human_do AS child
    JOIN labels AS parent ON parent.name = child.subClassOf AND parent.id <> child.id
)
SELECT 'disease_disease' AS relation, 'parent-child' AS display_relation,
    x_id, y_id, 'disease' AS y_type, y_name
FROM parents
UNION ALL
SELECT DISTINCT 'disease_phenotype_positive', 'phenotype present',
    disease_id, symptom_id, 'effect/phenotype', symptom_label
FROM symptoms
UNION ALL
SELECT DISTINCT relation, replace(relation, '_', ' '), id, import_id, type, import_keyword
FROM facets
WHERE relation IS NOT NULL AND diseases <= 500;

CREATE TEMP TABLE numbered AS
SELECT row_number() OVER (ORDER BY type, id) - 1 AS node_index, id, type, name,
    'disease-ontology' AS source
FROM (
    SELECT id, 'disease' AS type, name FROM labels
    UNION ALL
    SELECT y_id, y_type, min(y_name) FROM triples WHERE y_type <> 'disease' GROUP BY y_id, y_type
);

CREATE TEMP TABLE kg_rows AS
SELECT
    triples.relation,
    triples.display_relation,
    x.node_index AS x_index, x.id AS x_id, x.type AS x_type, x.name AS x_name, x.source AS x_source,
    y.node_index AS y_index, y.id AS y_id, y.type AS y_type, y.name AS y_name, y.source AS y_source
FROM triples
JOIN numbered AS x ON x.id = triples.x_id AND x.type = 'disease'
JOIN numbered AS y ON y.id = triples.y_id AND y.type = triples.y_type;

CREATE TEMP TABLE lone_nodes AS
SELECT node_index, id, type, name, source FROM numbered;

CREATE TEMP TABLE features AS
SELECT numbered.node_index, facets.id AS mondo_id, min(facets.definition) AS definition
FROM facets
JOIN numbered ON numbered.id = facets.id
WHERE facets.definition IS NOT NULL
GROUP BY ALL;

CREATE TEMP TABLE code_rows AS
SELECT DISTINCT
    numbered.node_index,
    split_part(xref, ':', 1) || '/' || replace(split_part(xref, ':', 2), '.', '') AS code
FROM cross_references
JOIN numbered USING (id)
WHERE xref LIKE 'ICD10CM:%' OR xref LIKE 'ICD9CM:%';
