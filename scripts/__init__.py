"""Thin verbs of the `buytime` command: parse, call, write."""
