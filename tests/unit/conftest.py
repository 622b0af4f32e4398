"""Its folder is on the path of every unit test, so that ``given`` can be imported."""
