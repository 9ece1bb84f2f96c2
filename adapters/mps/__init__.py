"""MPS, the multi-dimensional preference score: a prompt's words, kept by a condition, look at an image."""
