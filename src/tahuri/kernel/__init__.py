"""What every slice stands on: the log, the feed, ids, refusals, HTTP, deadlines and jobs."""
