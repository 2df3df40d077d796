-- What a source fills where it has any.
CREATE TABLE source_notes (
    note_id VARCHAR,
    patient_id BIGINT,
    visit_id BIGINT,
    event_time TIMESTAMP,
    available_time TIMESTAMP,
    code VARCHAR,
    text VARCHAR,
    reason VARCHAR
);

CREATE TABLE source_images (
    image_id VARCHAR,
    patient_id BIGINT,
    visit_id BIGINT,
    event_time TIMESTAMP,
    available_time TIMESTAMP,
    view VARCHAR
);
