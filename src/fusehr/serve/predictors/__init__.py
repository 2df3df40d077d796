"""Trained models behind one interface: cases in, probabilities out."""
