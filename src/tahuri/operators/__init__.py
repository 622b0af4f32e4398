"""People who work in the centre: accounts, sign-on, roles and seats."""
