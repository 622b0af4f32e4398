"""What runs on the machine: the data folder, PostgreSQL, certificates, supervised processes."""
