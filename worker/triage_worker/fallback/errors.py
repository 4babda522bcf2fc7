"""The errors of a call.

CallError
├── UnavailableError   the endpoint does not answer at present; another call may succeed
│   └── NotACompletionError   its response is something else, such as a proxy's page
└── RejectedError      the endpoint refuses the request, which may be its own fault or the request's
"""

from triage_worker.fallback.error_body import ErrorBody


class CallError(Exception):
    """A call gave no completion. ``str()`` names the problem in a few words, without anything that was sent."""


class UnavailableError(CallError):
    """The endpoint does not answer at present.

    Attributes:
        retry_after_s: how long the endpoint asks to be left alone, in seconds; None if it does not say.
        may_be_billed: whether the call may cost money all the same.
    """

    def __init__(self, problem: str, *, retry_after_s: float | None = None, may_be_billed: bool = False) -> None:
        super().__init__(problem)
        self.retry_after_s = retry_after_s
        self.may_be_billed = may_be_billed


class NotACompletionError(UnavailableError):
    """A response with status 200 is no completion. Nothing says whether the call is billed.

    Attributes:
        body: what the endpoint says instead.
    """

    def __init__(self, problem: str = "", body: ErrorBody | None = None) -> None:
        super().__init__(f"no completion: {problem}" if problem else "no completion", may_be_billed=True)
        self.body = body or ErrorBody()


class RejectedError(CallError):
    """The endpoint refuses the request.

    Attributes:
        status: the status of its response.
        body: what it says. Its words may repeat what was sent, so they are for logs only if that was no customer's.
        retry_after_s: how long the endpoint asks to be left alone, in seconds; None if it does not say.
    """

    def __init__(
        self, problem: str, body: ErrorBody | str = "", *, status: int = 400, retry_after_s: float | None = None
    ) -> None:
        super().__init__(problem)
        self.status = status
        self.body = ErrorBody.parse(body) if isinstance(body, str) else body
        self.retry_after_s = retry_after_s
