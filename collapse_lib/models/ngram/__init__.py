"""n-gram language models: counts, and how they are smoothed."""
