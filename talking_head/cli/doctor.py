"""`talking-head doctor`: what works on this machine, what is missing, and the one command that mends each."""

from __future__ import annotations

from dataclasses import asdict

from talking_head.cli.common import HomeOption, JsonOption, Outcome, verb
from talking_head.home import Home


@verb
def doctor(home: HomeOption = None, as_json: JsonOption = False) -> Outcome:
    """Say what works on this machine, what is missing, and the one command that mends each."""
    from rich.console import Console
    from rich.markup import escape

    from talking_head.machine import State, examine

    checks = examine(Home.find(home))
    if not as_json:
        console = Console(soft_wrap=True, highlight=False)
        colours = {State.WORKS: "green", State.MISSING: "bold red", State.OPTIONAL: "dim"}
        for check in checks:
            mend = f"  ->  {check.remedy}" if check.remedy else ""
            colour = colours[check.state]
            console.print(f"[{colour}]{check.state.value:8}[/]  {check.name}: {escape(check.found + mend)}")
    broken = [check.name for check in checks if check.state is State.MISSING]
    verdict = f"missing: {', '.join(broken)}" if broken else "everything needed is here"
    data = {"ok": not broken, "checks": [{**asdict(check), "state": check.state.value} for check in checks]}
    return Outcome(verdict, data, code=1 if broken else 0)
