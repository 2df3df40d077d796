SELECT
    date_diff('second', shown_stay.intime, drugs.event_time) / 3600 AS hours
FROM drugs
JOIN shown_stay USING (patient_id)
WHERE drugs.event_time BETWEEN shown_stay.start_time AND shown_stay.end_time
ORDER BY hours
