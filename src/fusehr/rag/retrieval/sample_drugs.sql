-- Drugs of the graph that were ordered in the current visit by the index time.
INSERT INTO drugs_known
SELECT DISTINCT numbered.s, drug_nodes.node_index
FROM sample_drugs
JOIN drug_nodes USING (code)
JOIN numbered USING (sample_id)
WHERE sample_drugs.current_visit
