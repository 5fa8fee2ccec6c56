"""What can go wrong while a stack starts or stops. The message is what the operator reads: it says what to do."""


class StackError(Exception):
    """One clear sentence for the terminal; the command ends with exit status 1."""
