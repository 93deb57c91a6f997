"""`talking-head studio`: the page, and the interface for programs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from talking_head.cli.common import HomeOption, Outcome, verb
from talking_head.cli.data import RayOption

TOKEN_VARIABLE = "TALKING_HEAD_TOKEN"


@verb
def studio(
    host: Annotated[str, typer.Option(help="Address to serve at; any but this machine's own asks for a token.")]
    = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 for any that is free.")] = 7860,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    token: Annotated[
        str | None,
        typer.Option(envvar=TOKEN_VARIABLE, show_default=False,
                     help="Who knows it may come in; one is made where it is needed and left out."),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", show_default=False, help="A host name that it is reached by, such as a proxy's."),
    ] = None,
    ray: RayOption = "",
    home: HomeOption = None,
) -> Outcome:
    """Serve the studio: a page to enroll people and let them speak, and the same for programs under /v1.

    Only this machine can reach it, unless --host says otherwise. Ctrl-C ends it; jobs go on when it is started again.
    """
    from talking_head.studio.serving import bound, server
    from talking_head.studio.settings import StudioSettings

    settings = StudioSettings(host, port, token, tuple(names or ()), home, ray).checked()
    listening = bound(settings)
    settings = settings.at(listening.getsockname()[1])
    with listening:
        ready = server(settings)
        for line in settings.told():
            print(line, file=sys.stderr)
        if show:
            import webbrowser

            webbrowser.open(settings.address)
        ready.run(sockets=[listening])
    return Outcome("")
