-- Notes by kind. The lag is what passes between a note's own time and the time it can be read.
SELECT
    code AS kind,
    count(*) AS notes,
    count(DISTINCT patient_id) AS patients,
    count(DISTINCT text_sha256) AS texts,
    -- words are what blanks and line ends part
    quantile_disc(len(string_split(replace(trim(text), chr(10), ' '), ' ')), 0.5) AS words,
    quantile_disc(date_diff('minute', event_time, available_time), 0.5) AS lag_median,
    quantile_disc(date_diff('minute', event_time, available_time), 0.9) AS lag_p90
FROM notes
GROUP BY code
ORDER BY code
