"""Search of hyperparameters, chosen on validation patients alone."""
