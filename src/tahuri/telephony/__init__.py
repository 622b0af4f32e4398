"""Calls: SIP, audio, recording.  Processes of their own, which nothing else can stop."""
