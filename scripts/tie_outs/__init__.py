"""Two deals against their documents: what was reported beside what the engine says."""
