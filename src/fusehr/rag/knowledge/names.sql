-- Each node's own name and, where the general facts know a node of that type and name, its synonyms.
WITH given AS (
    SELECT node_index, name, 'name' AS kind
    FROM nodes
    UNION ALL
    SELECT nodes.node_index, synonyms.synonym, 'synonym'
    FROM nodes
    JOIN synonyms ON synonyms.type = nodes.type AND synonyms.name = lower(nodes.name)
)
SELECT node_index, name, min(kind) AS kind
FROM given
WHERE length(name) > 0
GROUP BY node_index, name
