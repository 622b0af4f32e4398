"""Who waits, in what order, and where a call rings."""
