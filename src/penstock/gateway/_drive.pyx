# cython: language_level=3
"""Native twin of `drive`: a coroutine without a frame.

A task steps it; it steps the application's coroutine through the C interface that returns a result
without raising StopIteration. That, and one small object in place of a coroutine and its closure,
is all that it saves; it saves it for every request.
"""

cimport cython

from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF

# inspect.CO_ITERABLE_COROUTINE; inspect itself costs more to import than all of this room.
cdef enum:
    CO_ITERABLE_COROUTINE = 256

from types import GeneratorType

cdef extern from "Python.h":
    ctypedef enum PySendResult:
        PYGEN_RETURN
        PYGEN_ERROR
        PYGEN_NEXT
    PySendResult PyIter_Send(PyObject *iterator, PyObject *value, PyObject **result) except? PYGEN_ERROR
    bint PyCoro_CheckExact(object o)
    object PyMethod_New(object function, object instance)


# The type of the exchange driven last, and its two functions: binding them by hand is three times as
# quick as to look them up, and nearly all exchanges are of one type.
cdef object _kind = None
cdef object _receive = None
cdef object _send = None


cdef _learn(kind):
    global _kind, _receive, _send
    _receive = kind.receive
    _send = kind.send
    _kind = kind


cdef _iterator_of(awaitable):
    """What `await` would step, where it is no plain coroutine."""
    method = getattr(type(awaitable), "__await__", None)
    if method is not None:
        return method(awaitable)
    if isinstance(awaitable, GeneratorType) and awaitable.gi_code.co_flags & CO_ITERABLE_COROUTINE:
        return awaitable
    raise TypeError(f"object {type(awaitable).__name__} can't be used in 'await' expression")


@cython.freelist(16)
cdef class drive:
    cdef object _exchange
    cdef object _app
    cdef object _scope
    cdef object _iterator

    def __init__(self, exchange, app, scope):
        self._exchange = exchange
        self._app = app
        self._scope = scope

    @property
    def exchange(self):
        """Whose call it is, None at its end."""
        return self._exchange

    @property
    def cr_await(self):
        """What it waits for: lets `scope.where` look through."""
        return self._iterator

    @property
    def cr_frame(self):
        """It has none."""
        return None

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        cdef PyObject *result = NULL
        cdef PySendResult status
        cdef object value
        try:
            if self._iterator is None:
                scope = self._scope
                app = self._app
                self._scope = None
                self._app = None
                exchange = self._exchange
                if type(exchange) is not _kind:
                    _learn(type(exchange))
                awaitable = app(
                    scope, PyMethod_New(_receive, exchange), PyMethod_New(_send, exchange)
                )
                if PyCoro_CheckExact(awaitable):
                    self._iterator = awaitable
                else:
                    self._iterator = _iterator_of(awaitable)
            status = PyIter_Send(<PyObject *> self._iterator, <PyObject *> None, &result)
        except BaseException as exc:
            self._end(exc)
        else:
            if status == PYGEN_NEXT:
                value = <object> result
                Py_XDECREF(result)
                return value
            Py_XDECREF(result)
            self._end(None)
        raise StopIteration

    cdef _end(self, exc):
        exchange = self._exchange
        self._exchange = None
        exchange.app_ended(exc)

    def send(self, value):
        """The coroutine interface."""
        return self.__next__()

    def throw(self, kind, value=None, traceback=None):
        """The coroutine interface: cancelling comes this way."""
        if value is None:
            value = kind() if isinstance(kind, type) else kind
        if self._iterator is None:
            self._end(value)
            raise StopIteration
        try:
            return self._iterator.throw(value)
        except StopIteration:
            self._end(None)
        except BaseException as exc:
            self._end(exc)
        raise StopIteration

    def close(self):
        """The coroutine interface."""
        if self._iterator is not None:
            self._iterator.close()
