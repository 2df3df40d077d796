"""A card for each model: what it is for, what it was fitted on, how well it does, where not."""
