"""Sound in, a film or frames of a target saying it out."""
