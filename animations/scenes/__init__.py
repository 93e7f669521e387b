"""One scene a file; its name, its words and its place in the film stand in `clips.toml`."""
