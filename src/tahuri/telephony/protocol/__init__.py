"""The contract of the switch: the facts it spools, what may be asked of it, what it shows."""
