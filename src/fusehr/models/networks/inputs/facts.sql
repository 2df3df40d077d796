-- Facts of each sample in their rank; the room `rag` retrieved them through the gate.
SELECT
    sample_row,
    vector_row,
    row_number() OVER (PARTITION BY sample_row ORDER BY rank) AS token_rank
FROM facts
JOIN sample_rows USING (sample_id)
JOIN fact_vectors USING (text_sha256)
QUALIFY token_rank <= $most_tokens
ORDER BY sample_row, token_rank
