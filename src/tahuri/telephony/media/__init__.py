"""The media process: RTP, WebRTC media, mixing, announcements, recording.  Knows nothing of SIP.

Importing this package keeps numpy's linear algebra on one thread: its worker threads spin, and
cost more of a core than a hundred calls do.  It must come before the first import of numpy.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
