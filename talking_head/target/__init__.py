"""A person who can be made to speak: the card, where targets live, what a user may choose, forgetting people."""
