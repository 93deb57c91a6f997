"""DeepSpeech 0.1: its front end, its frozen graph, and both as a speech encoder."""

from preprocessing.speech.deepspeech.encoder import DeepSpeech

__all__ = ["DeepSpeech"]
