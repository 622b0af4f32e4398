"""Telephones of the switch's tests."""

from collections.abc import AsyncIterator

import pytest
from telephones import S1, Telephone, telephone


@pytest.fixture
async def station() -> AsyncIterator[Telephone]:
    """Somebody outside who can be called."""
    async with telephone() as one:
        yield one


@pytest.fixture
async def desk() -> AsyncIterator[Telephone]:
    """The phone of seat S1, not yet registered."""
    async with telephone(S1) as one:
        yield one
