-- What a summary is made of, in order, for samples $first to $last: abnormal values, diseases, facts.
CREATE OR REPLACE TEMP TABLE block_sentences AS
SELECT s, 'signals' AS section, 0 AS part, position AS place, text, text_sha256
FROM signal_rows
WHERE s BETWEEN $first AND $last
UNION ALL
SELECT s, 'diseases', 1, row_number() OVER (
        PARTITION BY s
        ORDER BY current_visit DESC, status = 'present' DESC, mentions DESC, node_index
    ) AS place, text, text_sha256
FROM diseases_known
JOIN disease_sentences USING (node_index, status)
WHERE s BETWEEN $first AND $last
QUALIFY place <= $max_diseases
UNION ALL
SELECT s, 'facts', 2, rank, text, text_sha256
FROM block_facts
JOIN known_facts USING (fact_id)
