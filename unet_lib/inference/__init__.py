"""A trained network and a patient → probabilities and masks."""
