"""Rows of calls, of trunks, and of the notice that callers hear.  Pure."""

from tahuri.calls.views.call import CALLS
from tahuri.calls.views.rows import CallRow
from tahuri.calls.views.surge import SURGE
from tahuri.calls.views.trunks import TRUNKS

__all__ = ["CALLS", "TRUNKS", "VIEWS", "CallRow"]

VIEWS = (CALLS, TRUNKS, SURGE)
