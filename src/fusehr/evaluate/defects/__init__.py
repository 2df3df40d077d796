"""Published shortcuts of the five systems, each beside its repair, and ranked nowhere."""
