"""After a kill, of this process or of media: nobody is left in silence."""
