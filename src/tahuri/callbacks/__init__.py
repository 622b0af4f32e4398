"""Who called and could not be answered, until an outcome says what became of them."""
