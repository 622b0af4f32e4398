"""Is everything accounted for?  What is compared, what was found, and how the telephone is."""
