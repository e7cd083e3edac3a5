"""What a command says when it can't: one sentence with the value and what to do, no traceback."""


class CommandError(Exception):
    """Ends a command with exit code 1; its text is the whole message.

    Raised by the commands and by `bireme.cli.paths`; printed by `bireme.cli.main`.
    """
