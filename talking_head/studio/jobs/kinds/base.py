"""What a kind of job is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from talking_head.studio.jobs.kinds.bench import Bench


class Asked(BaseModel):
    """What a client asks for, as JSON, and how it is done.

    A subclass has `kind: Literal["NAME"] = "NAME"`. `check` runs in the server, `work` in the kind's own process, which
    alone imports what is heavy.
    """

    model_config = ConfigDict(extra="forbid")

    kind: str
    public: ClassVar[bool] = True

    @classmethod
    def name(cls) -> str:
        """Of the kind."""
        return str(cls.model_fields["kind"].default)

    def check(self, bench: Bench) -> None:
        """Refuse at once what cannot be done; quick.

        Raises:
            InputError: it cannot.
        """

    def expected_s(self, bench: Bench) -> float | None:
        """How long it is to take, where that was chosen."""
        return None

    def work(self, bench: Bench) -> dict[str, Any]:
        """Do it; what is to be told of it besides the files.

        Raises:
            InputError: it cannot be done.
        """
        raise NotImplementedError

    def undo(self, bench: Bench) -> None:
        """Delete what a cancelled job left outside its folder."""
