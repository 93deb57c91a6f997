"""Text in, sound out: speech synthesis that the user has, behind one interface, and directions in the text."""

from talking_head.voices.choosing import ENGINES, VoiceHere, name_for_others, voice_for_others, voice_named, voices_here
from talking_head.voices.interface import Utterance, Voice

__all__ = [
    "ENGINES", "Utterance", "Voice", "VoiceHere", "name_for_others", "voice_for_others", "voice_named", "voices_here",
]
