"""Text encoders behind one small interface, and the reduction of what they give."""
