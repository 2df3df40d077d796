-- The knowledge graph: each edge of kg.csv is one row; a node is named by its type and id.
SELECT display_relation AS relation, x_type, y_type, count(*) AS edges
FROM kg
GROUP BY display_relation, x_type, y_type
ORDER BY edges DESC, relation, x_type, y_type
