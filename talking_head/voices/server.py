"""Synthesisers behind a server that speaks `POST /v1/audio/speech`, as OpenAI's does and many local ones."""

from __future__ import annotations

import json
import os
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from foundation.places import OFFLINE_VARIABLE, is_offline
from preprocessing.media import read_sound
from talking_head.voices.interface import FINISH_S, RATE_HZ, Utterance

KEY_VARIABLE = "OPENAI_API_KEY"
PATH = "/v1/audio/speech"
DEFAULTS = {"model": "tts-1", "voice": "alloy"}
LONGEST_BYTES = 200_000_000  # of an answer: an hour of sound
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Server:
    """A server's voice. url: `http://HOST:PORT`, with `?voice=NAME&model=NAME` where it has several; the key, where it
    wants one, is in the environment.
    """

    url: str

    @property
    def name(self) -> str:
        return f"openai:{self.url}"

    def say(self, text: str) -> Utterance:
        """See `Voice`."""
        place, chosen = self._parts()
        asked = {**DEFAULTS, **chosen, "input": text, "response_format": "wav"}
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(place, json.dumps(asked).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=FINISH_S) as answer:
                content = answer.read(LONGEST_BYTES)
        except urllib.error.HTTPError as error:
            told = " ".join(error.read(300).decode(errors="replace").split())
            raise InputError(f"{place} answers {error.code}: {told}", "a sound", f"see {KEY_VARIABLE}, voice and model"
                             ) from error
        except (OSError, ValueError) as error:  # nobody there, no answer in time, no address
            raise InputError(f"{place} does not answer ({error})", f"a server that speaks {PATH}") from error
        with tempfile.TemporaryDirectory(prefix="talking-head-") as folder:
            wav = Path(folder) / "said.wav"
            wav.write_bytes(content)
            try:
                return Utterance(read_sound(wav, RATE_HZ))
            except InputError as error:
                raise InputError(f"{place} answers with no sound that can be read", "a wav") from error

    def _parts(self) -> tuple[str, dict[str, str]]:
        """(address to post to, what is asked for beside the text).

        Raises:
            InputError: no http(s) address; one of another machine, where no server may be asked.
        """
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"--voice {self.name}", "openai:http://HOST:PORT?voice=NAME")
        if is_offline() and parts.hostname not in LOOPBACK:
            received = f"--voice {self.name} while offline"
            raise InputError(received, "a server on this machine", f"unset {OFFLINE_VARIABLE}")
        path = parts.path.rstrip("/")
        path = path if path.endswith(PATH) else path.removesuffix("/v1") + PATH
        return urllib.parse.urlunsplit((*parts[:2], path, "", "")), dict(urllib.parse.parse_qsl(parts.query))
