"""What all facts' bodies are."""

from msgspec import Struct


class Body(Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """Base of every fact's body."""
