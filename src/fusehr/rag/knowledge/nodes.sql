-- Nodes of edges, and those that have none.
CREATE TEMP TABLE nodes AS
SELECT node_index, id AS node_id, type, trim(name) AS name, source
FROM edge_nodes
UNION ALL
SELECT node_index, id, type, trim(name), source
FROM more_nodes
ANTI JOIN edge_nodes USING (node_index)
