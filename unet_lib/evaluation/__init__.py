"""How good is a network? Scores by patient, and the long measurements of data/results."""
