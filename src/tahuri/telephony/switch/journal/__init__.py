"""What outlives a kill, also on a full disk."""
