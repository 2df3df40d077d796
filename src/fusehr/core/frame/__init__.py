"""What every stage stands on: parameters, files, schemas, tasks, errors, the way a script runs."""
