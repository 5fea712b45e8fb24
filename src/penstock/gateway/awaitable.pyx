# cython: language_level=3
"""Native form of `awaitable.py`, whose docstrings are the contract; it differs in one thing.

Cython records a traceback wherever an exception leaves a function, and a result leaves `__next__`
as the value of a StopIteration: here it is set the way C code does, without one, which halves the
cost of a `receive()` that has an event ready.
"""

cdef extern from "Python.h":
    void PyErr_SetObject(object kind, object value)


cdef class Awaitable:
    def __init__(self):
        self._begun = False
        self.result = None

    cpdef object step(self, bint first):
        raise NotImplementedError

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        first = not self._begun
        self._begun = True
        wait = self.step(first)
        if wait is DONE:
            if self.result is not None:
                # The bare `raise` below only returns, and leaves the exception that is set alone.
                PyErr_SetObject(StopIteration, StopIteration(self.result))
            raise StopIteration
        if wait is not None:
            wait._asyncio_future_blocking = True
        return wait

    def send(self, value):
        return self.__next__()

    def throw(self, kind, value=None, traceback=None):
        if value is None:
            value = kind() if isinstance(kind, type) else kind
        if traceback is not None:
            value = value.with_traceback(traceback)
        raise value

    def close(self):
        pass


DONE = object()
