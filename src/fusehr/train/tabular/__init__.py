"""A task as one row of numbers a sample: window aggregates, codes of visits, age and sex."""
