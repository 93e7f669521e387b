"""A folder in LGG layout → validated slices → one cache → normalised batches; and the synthetic patients."""
