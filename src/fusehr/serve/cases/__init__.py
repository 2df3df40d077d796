"""Cases: what is known of one patient at one moment, as a caller tells it and as models read it."""
