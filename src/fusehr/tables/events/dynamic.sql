CREATE VIEW item_lags AS
SELECT NULL::VARCHAR AS source, NULL::BIGINT AS itemid, NULL::BIGINT AS lag_seconds, 0 AS n
WHERE false;

CREATE VIEW dynamic AS
SELECT
    patient_id,
    event_time,
    code,
    value::DOUBLE AS value,
    visit_id,
    available_time,
    availability
FROM source_values
WHERE reason IS NULL;

CREATE VIEW events AS FROM dynamic;
