"""The switch: SIP, queue, offers, conferences, seats.  It answers with everything else dead.

Read in this order: `model`, `core`, `audio`, `seats`, `queue.offers`, `answering`, `ending`,
`edge.arrivals`, `router`, `operations`, `recovery`, `process`.
"""
