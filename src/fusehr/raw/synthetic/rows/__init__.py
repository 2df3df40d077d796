"""The rows of each file, drawn from what `latent` decided and from nothing of severity beyond q."""
