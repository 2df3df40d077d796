"""What notes mention: diseases of the graph and common findings, each with its assertion."""
