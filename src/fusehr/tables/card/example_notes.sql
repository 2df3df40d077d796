SELECT
    notes.code,
    date_diff('second', shown_stay.intime, notes.event_time) / 3600 AS hours,
    notes.text,
    notes.available_time <= shown_stay.index_time AS known
FROM notes
JOIN shown_stay USING (patient_id)
WHERE notes.event_time BETWEEN shown_stay.start_time AND shown_stay.end_time
ORDER BY hours, notes.note_id
