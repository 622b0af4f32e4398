"""Places: names people give, points they write, and the ward a point lies in."""
