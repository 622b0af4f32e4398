"""What is done with a call that somebody has: others join, it is sent on, listened to, placed."""
