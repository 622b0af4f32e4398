"""What can be proved afterwards: timelines and clocks of a case, read from the log only."""
