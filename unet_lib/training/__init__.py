"""Losses, the loop, and whole trainings by name."""
