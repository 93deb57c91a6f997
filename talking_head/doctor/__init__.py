"""What this machine has, what a user brought, and a look before the work."""
