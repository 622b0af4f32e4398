"""Units of all agencies: roster, crews, state, last position."""
