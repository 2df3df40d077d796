SELECT
    dynamic.code,
    date_diff('second', shown_stay.intime, dynamic.event_time) / 3600 AS hours,
    dynamic.value
FROM dynamic
JOIN shown_stay USING (patient_id)
WHERE dynamic.event_time BETWEEN shown_stay.start_time AND shown_stay.end_time
    AND dynamic.value IS NOT NULL
ORDER BY code, hours, value
