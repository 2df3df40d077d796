-- Every sentence of a sample, one after the other; a sample about which nothing is known says so.
SELECT
    numbered.sample_id,
    coalesce(string_agg(block_sentences.text, '. ' ORDER BY part, place), $nothing) || '.' AS text,
    'template' AS backend,
    CAST(NULL AS VARCHAR) AS prompt_hash,
    coalesce(
        list(block_sentences.text_sha256 ORDER BY part, place)
            FILTER (WHERE block_sentences.text_sha256 IS NOT NULL),
        [sha256($nothing)]
    ) AS sentences
FROM numbered
LEFT JOIN block_sentences USING (s)
WHERE numbered.s BETWEEN $first AND $last
GROUP BY numbered.s, numbered.sample_id
ORDER BY numbered.s
