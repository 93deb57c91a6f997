"""Speech as a sequence of vectors: encoders by name, and encoding of files of any length."""

from preprocessing.speech.encoder import SpeechEncoder, WindowedEncoder, encode_again, encode_file, encode_pieces
from preprocessing.speech.encoder_registry import encoder_of, optional_encoders, speech_encoder, speech_encoders
from preprocessing.speech.log_mel import LogMel
from preprocessing.speech.running import heard

__all__ = [
    "LogMel", "SpeechEncoder", "WindowedEncoder", "encode_again", "encode_file", "encode_pieces", "encoder_of",
    "heard", "optional_encoders", "speech_encoder", "speech_encoders",
]
