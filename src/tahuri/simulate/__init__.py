"""The synthetic city: seeded callers over real SIP, crews over the real API, a robot seat.

Nothing here is told apart from people by the centre, except where a row says ``robot``.  Callers'
numbers begin with ``+620112``: after +62 no number begins with 0, so none of them can be dialled or
belong to anybody.  Callers have no names but "Pelapor 17".
"""
