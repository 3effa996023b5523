"""Mistakes that a user can put right: shown as one line, without a stack trace."""


class UserError(Exception):
    """What to show, in one line."""


class InfraError(Exception):
    """The grader's own failure: the submission is to be graded again, never a 0."""
