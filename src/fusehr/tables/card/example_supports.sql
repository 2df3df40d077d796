SELECT
    split_part(dynamic.code, '/', 1) AS support,
    split_part(dynamic.code, '/', 2) AS act,
    date_diff('second', shown_stay.intime, dynamic.event_time) / 3600 AS hours
FROM dynamic
JOIN shown_stay USING (patient_id)
WHERE dynamic.event_time BETWEEN shown_stay.start_time AND shown_stay.end_time
    AND (ends_with(dynamic.code, '/start') OR ends_with(dynamic.code, '/end'))
ORDER BY support, hours, act
