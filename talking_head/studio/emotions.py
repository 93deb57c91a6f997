"""What emotions a person can be asked for; runs in a process that has imported torch."""

from __future__ import annotations

from talking_head.motion.emotions import list_emotions


def emotions_of(person: str, home: str) -> dict[str, list[str]]:
    """Names by motion model.

    Raises:
        InputError: no such person, or one whose face no model of emotions moves.
    """
    known = list_emotions(person, home=home)
    return {"karras2017": list(known.karras2017), "emote": list(known.emote)}
