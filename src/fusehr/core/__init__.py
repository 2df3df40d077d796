"""What several rooms need: parameters, files and their schemas, the gate, metrics, stages."""
