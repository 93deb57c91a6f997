"""A face as it speaks, sent to Unreal as the Live Link Face app sends it: `talking_head.live(AUDIO, "HOST:PORT")`."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talking_head.live.sending import Sent


class _Verb(ModuleType):
    """The package and the verb share a name, so the package can be called; `live.live` says how."""

    def __call__(self, *args: Any, **options: Any) -> Sent:
        from talking_head.live.live import live

        return live(*args, **options)


sys.modules[__name__].__class__ = _Verb
