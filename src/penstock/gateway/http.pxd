import cython

from penstock.gateway.awaitable cimport Awaitable
from penstock.gateway.waiters cimport Waiters
from penstock.gateway.http_response cimport HttpResponse
from penstock.gateway.scope cimport decode_path
from penstock.gateway.stream cimport Exchange, Service, Stream
from penstock.wire.events cimport Head

cdef object DONE
cdef object drive
cdef object where
cdef int BURST_EVENTS_MAX
cdef int COMPLETE
cdef int EMPTY
cdef dict _ASGI
cdef dict _SCOPE

cdef class _Receive(Awaitable):
    cdef HttpExchange _exchange

    cpdef object step(self, bint first)

cdef class _Send(Awaitable):
    cdef HttpExchange _exchange
    cdef object _message

    @cython.locals(exchange=HttpExchange, message=object)
    cpdef object step(self, bint first)

cdef class HttpExchange(HttpResponse):
    cdef bint _body_ended
    cdef bint _body_taken
    cdef object _task

    cpdef object begin(self, Service service, Stream stream, Head head)
    @cython.locals(awaitable=_Receive)
    cpdef Awaitable receive(self)
    @cython.locals(awaitable=_Send)
    cpdef Awaitable send(self, object message)
    @cython.locals(service=Service)
    cpdef object start(self)
    cpdef object on_body(self, bytes data, bint end)
    cpdef object on_writable(self)
    cpdef object on_disconnect(self, str reason, bint gone)
    cpdef object on_deadline(self, double now)
    cpdef object on_shutdown(self)
    cpdef str where(self)
    cpdef str cancel(self)
    cpdef object receive_step(self, Awaitable awaitable)
    cpdef object app_ended(self, object exc)
    cdef object _failed(self, object exc)
    @cython.locals(
        head=Head, service=Service, stream=Stream, scope=dict, nothing=dict, extensions=dict
    )
    cdef dict _scope(self)
