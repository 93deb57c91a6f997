"""The studio under attack, and under load."""
