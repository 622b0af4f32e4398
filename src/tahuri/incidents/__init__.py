"""What is happening, where, how bad, who reported it, how it ended."""
