"""Media in, typed tracks out: decoding, speech features, face tracking, 3DMM fitting, sound offset, quality report.

Import the part you need (`preprocessing.media`, `preprocessing.speech`, ...); nothing heavy is imported here.
"""
