"""What comes in: callers, trunks, phones that register; who is let in and who it is."""
