"""The studio: a page for people and an interface for programs, served on this machine."""
