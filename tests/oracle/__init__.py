"""The model a second time, in plain Python, written from docs/model.md alone."""
