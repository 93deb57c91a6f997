"""New words on a film's own frames."""
