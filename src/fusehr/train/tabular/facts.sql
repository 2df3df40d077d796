-- What notes assert and what the graph tells of the sample: counted by the room `rag`, through the gate.
SELECT sample_rows.sample_row, fact_counts.feature AS name, fact_counts.value
FROM fact_counts
JOIN sample_rows USING (sample_id)
WHERE list_contains($kinds, split_part(fact_counts.feature, '/', 1))
