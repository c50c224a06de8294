"""How the economy moves: pure JAX, never reads a file."""
