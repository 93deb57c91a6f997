"""Make the synthetic speech corpus of the phonetic encoder and train the encoder on it."""
