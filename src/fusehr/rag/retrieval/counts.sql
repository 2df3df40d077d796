-- Per sample: notes by finding and assertion, diseases by status, own pairs by relation.
SELECT numbered.sample_id, feature, CAST(value AS DOUBLE) AS value
FROM (
    SELECT s, concat('finding/', concept, '/', assertion) AS feature, notes AS value
    FROM findings_known
    UNION ALL
    SELECT s, concat('disease/', status), count(*) FROM diseases_known GROUP BY s, status
    UNION ALL
    SELECT s, concat('pair/', relation), count(DISTINCT fact_id)
    FROM (
        SELECT diseases_known.s, known_facts.relation, known_facts.fact_id
        FROM diseases_known
        JOIN drugs_known USING (s)
        JOIN pair_facts ON pair_facts.drug = drugs_known.node_index
            AND pair_facts.disease = diseases_known.node_index
        JOIN known_facts USING (fact_id)
        WHERE diseases_known.status = 'present'
    )
    GROUP BY s, relation
)
JOIN numbered USING (s)
