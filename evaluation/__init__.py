"""How good a talking-head video is, from its frames, face track and sound only; never from a model's internals."""
