"""Media in and out, in streams: memory does not grow with length.

Time 0 is the first video frame that is shown (for files without pictures: the first sample of sound). Sound and
pictures of one file are given on that one clock, whatever start times, edit lists and encoder delays the file has.
"""

from preprocessing.media.pictures import frames_at, read_frames, timed_frames
from preprocessing.media.probing import MediaInfo, probe
from preprocessing.media.sound import (
    is_silent,
    nothing_to_hear,
    read_sound,
    stream_sound,
)
from preprocessing.media.transparent import TransparentWriter
from preprocessing.media.writing import VideoWriter

__all__ = [
    "MediaInfo", "TransparentWriter", "VideoWriter", "frames_at", "is_silent", "nothing_to_hear", "probe",
    "read_frames", "read_sound", "stream_sound", "timed_frames",
]
