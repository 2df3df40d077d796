"""Pictures of the evaluation, for people; every number in them stands in a table of plots/."""
