"""``python -m tahuri.telephony.switch``."""

import sys

from tahuri.telephony.switch.process import main

if __name__ == "__main__":
    sys.exit(main())
