"""A reader of Live Link Face packets that shares nothing with the writer: bytes by hand, names in Unreal's order."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass

import numpy as np

# The order of Unreal's enumeration of ARKit face values (EARFaceBlendShape).
UNREAL = [
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft",
    "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight", "JawForward", "JawLeft", "JawRight", "JawOpen", "MouthClose", "MouthFunnel",
    "MouthPucker", "MouthLeft", "MouthRight", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft",
    "MouthFrownRight", "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight",
    "MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight",
    "MouthLowerDownLeft", "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft",
    "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft",
    "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut", "HeadYaw", "HeadPitch", "HeadRoll",
    "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
]  # fmt: skip


@dataclass(frozen=True)
class Packet:
    version: int
    device: str
    subject: str
    frame: int
    share: float
    rate: tuple[int, int]
    values: dict[str, float]


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        assert self.at + count <= len(self.data), "the packet ends too early"
        self.at += count
        return self.data[self.at - count : self.at]

    def integer(self, size: int = 4) -> int:
        return int.from_bytes(self.take(size), "big", signed=size == 4)

    def floats(self, count: int) -> list[float]:
        return np.frombuffer(self.take(4 * count), ">f4").tolist()

    def text(self) -> str:
        return self.take(self.integer()).decode("utf-8")


def parse(data: bytes) -> Packet:
    """Read a packet; every byte must be used."""
    source = _Bytes(data)
    version, device, subject = source.integer(1), source.text(), source.text()
    frame, (share,), rate = source.integer(), source.floats(1), (source.integer(), source.integer())
    count = source.integer(1)
    assert count == len(UNREAL) == 61
    values = dict(zip(UNREAL, source.floats(count), strict=True))
    assert source.at == len(data), "bytes are left over"
    return Packet(version, device, subject, frame, share, rate, values)


class Receiver:
    """Listens on a free port of this machine until left."""

    def __enter__(self) -> Receiver:
        self.packets: list[bytes] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.5)
        self.port = self.socket.getsockname()[1]
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def _run(self) -> None:
        while True:
            try:
                self.packets.append(self.socket.recv(4096))
            except TimeoutError:
                if self.over.is_set():
                    return

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        self.socket.close()
