"""Calls and seats over HTTP.  The console speaks with the switch directly while it can."""

from tahuri.calls.routes import afterwards, live, seats, supervision
from tahuri.kernel.http import Routes

__all__ = ["routes"]

routes = Routes(
    "calls",
    [one for part in (seats, live, supervision, afterwards) for one in part.routes.endpoints],
)
