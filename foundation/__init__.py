"""What every room needs and no room owns: errors for users, typed configuration, safe files, progress."""
