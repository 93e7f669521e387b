"""What happens inside a network: activations, attribution, probes, numbers about channels."""
