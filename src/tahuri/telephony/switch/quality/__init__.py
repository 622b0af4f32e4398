"""Whether those on a call hear each other, and whether media is alive."""
