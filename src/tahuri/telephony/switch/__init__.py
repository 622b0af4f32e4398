"""The switch: SIP, queue, offers, conferences, seats.  It answers with everything else dead.

Read in this order: `core`, `audio`, `seats`, `offers`, `answering`, `ending`, `arrivals`, `router`,
`operations`, `recovery`, `process`.  Each imports only what stands before it.
"""
