"""What keeps financed capacity from running: power, chips, and who is served first."""
