"""What drives a face: the motion models by name, their weights, a person's directions."""
