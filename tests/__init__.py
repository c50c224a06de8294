"""Tests, in folders named by the kind of evidence they give."""
