"""Given these events, when this command, then those events or that refusal."""

from collections.abc import Sequence
from typing import Any

import pytest

from tahuri.kernel.event import Decider, Event
from tahuri.kernel.refusal import Refused
from tahuri.refusals import Refusal


def check(
    decider: Decider[Any, Any],
    *,
    given: Sequence[Event] = (),
    when: object,
    knowing: Sequence[Any] = (),
    then: Sequence[Event] | None = None,
    refused: Refusal | None = None,
) -> None:
    """Folds ``given``, decides ``when`` knowing ``knowing``, compares."""
    state = decider.after(given)
    if refused is not None:
        with pytest.raises(Refused) as caught:
            decider.decide(when, state, *knowing)
        assert caught.value.code == refused
        return
    assert list(decider.decide(when, state, *knowing)) == list(then or [])
