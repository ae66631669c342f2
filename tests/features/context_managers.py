"""Context managers: classes and `contextlib.contextmanager`, nested, swallowing errors, as decorators."""

import contextlib


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Session:
    def __init__(self, log):
        self.log = log

    def __enter__(self):
        self.log.append(mark("enter"))
        return self

    def __exit__(self, kind, error, traceback):
        self.log.append(mark(f"exit {kind.__name__ if kind else None}"))
        return kind is ValueError  #v1
        return kind in (ValueError, KeyError)  #v2


@contextlib.contextmanager
def transaction(log):
    """Begin and commit."""
    log.append(mark("begin"))
    try:
        yield mark("inside")
    except LookupError:
        log.append(mark("rolled back"))
    else:
        log.append(mark("committed"))


@contextlib.contextmanager
def silent():
    yield


@silent()
def decorated(n):
    return mark(n)


def nested(error=None):
    log = []
    with Session(log) as session, transaction(log) as inside:
        log.append(inside)
        session.log.append(mark("body"))
        if error:
            raise error
    return log


def stacked():
    log = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(Session(log))
        stack.callback(log.append, mark("callback"))
        stack.enter_context(transaction(log))
    return log


def escaped():
    log = []
    try:
        with Session(log):
            raise KeyError(1)
    except KeyError:
        log.append("escaped")
    return log


def make():
    return {"session": Session([]), "transaction": transaction}


def use(held):
    held["session"].log.clear()
    with held["session"] as same, held["transaction"](same.log):
        pass
    return [nested(), nested(LookupError()), stacked(), escaped(), decorated(1), list(held["session"].log)]
