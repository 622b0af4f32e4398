"""Facts on their way to the log, on disk: segments, a reserve for a full disk, what is damaged."""
