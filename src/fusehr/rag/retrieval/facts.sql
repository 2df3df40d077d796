-- Facts of samples $first to $last: first whatever the graph says of the patient's own drugs with the
-- patient's own present diseases, then facts of the diseases and drugs by themselves, then definitions.
-- A fact that touches something else that the patient has comes before one that does not. Last come diseases
-- that abnormal values alone suggest: what says so, the rarest sign first, and the disease's definition.
CREATE OR REPLACE TEMP TABLE block_facts AS
WITH
known AS (
    SELECT * FROM diseases_known WHERE s BETWEEN $first AND $last
),
own_drugs AS (
    SELECT * FROM drugs_known WHERE s BETWEEN $first AND $last
),
has AS (
    SELECT DISTINCT s, node_index FROM known WHERE status = 'present'
    UNION
    SELECT s, node_index FROM findings_known
    WHERE s BETWEEN $first AND $last AND assertion = 'present' AND node_index IS NOT NULL
    UNION
    FROM own_drugs
),
own AS (
    SELECT known.s, pair_facts.fact_id, pair_facts.weight AS score,
        row_number() OVER (PARTITION BY known.s ORDER BY weight DESC, fact_id) AS place
    FROM known
    JOIN own_drugs USING (s)
    JOIN pair_facts ON pair_facts.drug = own_drugs.node_index
        AND pair_facts.disease = known.node_index
    WHERE known.status = 'present'
    QUALIFY place <= $max_own_pairs
),
chosen AS (
    SELECT s, node_index, row_number() OVER (
        PARTITION BY s
        ORDER BY current_visit DESC, status = 'present' DESC, mentions DESC, node_index
    ) AS place
    FROM known
    QUALIFY place <= $max_diseases
),
of_diseases AS (
    SELECT
        chosen.s,
        candidates.fact_id,
        chosen.place,
        candidates.score + (has.s IS NOT NULL)::INTEGER AS total,
        row_number() OVER (
            PARTITION BY chosen.s, chosen.node_index ORDER BY total DESC, candidates.fact_id
        ) AS nth
    FROM chosen
    JOIN candidates USING (node_index)
    LEFT JOIN has ON has.s = chosen.s AND has.node_index = candidates.other
    QUALIFY nth <= $triples_per_disease
),
of_drugs AS (
    SELECT
        own_drugs.s,
        drug_facts.fact_id,
        own_drugs.node_index AS place,
        drug_facts.weight + (has.s IS NOT NULL)::INTEGER AS total,
        row_number() OVER (
            PARTITION BY own_drugs.s, own_drugs.node_index
            ORDER BY total DESC, drug_facts.fact_id
        ) AS nth
    FROM own_drugs
    JOIN drug_facts ON drug_facts.drug = own_drugs.node_index
    LEFT JOIN has ON has.s = own_drugs.s AND has.node_index = drug_facts.other
    QUALIFY nth <= $triples_per_drug
),
defined AS (
    SELECT chosen.s, known_facts.fact_id, chosen.place
    FROM chosen
    JOIN known_facts ON known_facts.x = chosen.node_index AND known_facts.relation = 'definition'
),
signs AS (
    SELECT s, node_index, max(weight) AS weight
    FROM signs_known
    WHERE s BETWEEN $first AND $last
    GROUP BY s, node_index
),
of_suspected AS (
    SELECT suspected.s, 'disease' AS kind, known_facts.fact_id, suspected.place, signs.weight,
        suspected.score
    FROM diseases_suspected AS suspected
    JOIN signs USING (s)
    JOIN known_facts ON suspected.s BETWEEN $first AND $last AND (
        (known_facts.x = suspected.node_index AND known_facts.y = signs.node_index)
        OR (known_facts.y = suspected.node_index AND known_facts.x = signs.node_index)
    )
    UNION ALL
    SELECT suspected.s, 'definition', known_facts.fact_id, suspected.place, -1, 0
    FROM diseases_suspected AS suspected
    JOIN known_facts ON suspected.s BETWEEN $first AND $last
        AND known_facts.x = suspected.node_index AND known_facts.relation = 'definition'
),
suggested AS (
    SELECT *, row_number() OVER (PARTITION BY s, place ORDER BY weight DESC, fact_id) AS nth
    FROM of_suspected
),
every AS (
    SELECT s, fact_id, 'own_pair' AS kind, 0 AS part, place, 0 AS nth, score FROM own
    UNION ALL
    SELECT s, fact_id, 'disease', 1, place, nth, total FROM of_diseases
    UNION ALL
    SELECT s, fact_id, 'drug', 2, place, nth, total FROM of_drugs
    UNION ALL
    SELECT s, fact_id, 'definition', 3, place, 0, 0 FROM defined
    UNION ALL
    SELECT s, fact_id, kind, 4, place, nth, score FROM suggested
),
once AS (
    FROM every
    QUALIFY row_number() OVER (PARTITION BY s, fact_id ORDER BY part, place, nth) = 1
)
SELECT
    s,
    row_number() OVER (PARTITION BY s ORDER BY part, place, nth, fact_id) - 1 AS rank,
    kind,
    fact_id,
    round(score, 6) AS score
FROM once
