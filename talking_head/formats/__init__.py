"""Other programs' files of motion, read and written."""
