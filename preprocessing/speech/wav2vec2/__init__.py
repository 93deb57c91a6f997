"""wav2vec2 from a local folder: the network over sound of any length, and two speech encoders of it."""

from preprocessing.speech.wav2vec2.encoder import Wav2vec2Hidden, Wav2vec2Letters

__all__ = ["Wav2vec2Hidden", "Wav2vec2Letters"]
