"""``python -m tahuri.telephony.media``."""

import sys

from tahuri.telephony.media.server import main

sys.exit(main())
