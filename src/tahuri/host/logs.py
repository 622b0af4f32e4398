"""What processes say: one JSON object a line, a constant message, the rest in fields."""

import contextlib
import io
import logging
import os
from typing import TextIO, cast

import structlog

STDERR = 2


class Unfailing(io.TextIOBase):
    """Standard error; a full disk under it must not stop who speaks: what is said is lost."""

    def write(self, text: str) -> int:
        """One line, at once."""
        with contextlib.suppress(OSError):
            os.write(STDERR, text.encode(errors="replace"))
        return len(text)


def configure_logs(level: int = logging.INFO) -> None:
    """For a process of the centre; libraries that use ``logging`` come out the same way."""
    out = Unfailing()
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", out)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("tahuri").setLevel(level)
