import cython

from penstock.gateway.awaitable cimport Awaitable, Waiters
from penstock.gateway.scope cimport decode_path
from penstock.gateway.stream cimport Exchange, Service, Stream
from penstock.wire.events cimport Head

cdef object DONE
cdef object ClientDisconnected
cdef object MessageError
cdef object drive
cdef object where

cdef int _START
cdef int _BODY
cdef int _TRAILERS
cdef int _HINT
cdef int _PATH
cdef int _ZERO_COPY
cdef dict _KINDS
cdef int _EMPTY
cdef int _STARTED
cdef int _STREAMING
cdef int _BODY_SENT
cdef int _COMPLETE
cdef int _DO
cdef int _REFUSE
cdef int _IGNORE
cdef tuple _ACTIONS
cdef tuple _STATE_NAMES
cdef int _BURST_EVENTS_MAX
cdef Py_ssize_t _BURST_BYTES_MAX
cdef object _INT64_MAX
cdef bytes _ERROR_BODY
cdef list _ERROR_HEADERS
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

cdef class HttpExchange(Exchange):
    cdef bint _body_ended
    cdef bint _body_taken
    cdef Py_ssize_t _burst_bytes
    cdef int _burst_events
    cdef bint _cancelled
    cdef list _chunks
    cdef bint _disconnected
    cdef bint _eager
    cdef object _file
    cdef bint _gone
    cdef bint _held
    cdef list _pending
    cdef Waiters _receivers
    cdef long long _remaining
    cdef Waiters _senders
    cdef Service _service
    cdef int _state
    cdef Stream _stream
    cdef object _task
    cdef bint _trailers
    cdef public bint bodyless
    cdef public Head head
    cdef public long long sent_bytes

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
    cpdef object flush(self)
    cpdef str cancel(self)
    cpdef object receive_step(self, Awaitable awaitable)
    cpdef object send_step(self, object message)
    @cython.locals(kind=int, action=int)
    cdef object _handle(self, dict message)
    cpdef object drain_step(self)
    cpdef object wait_to_send(self)
    @cython.locals(trailers=bint, bodyless=bint, stream=Stream)
    cdef object _start(self, dict message)
    @cython.locals(size=Py_ssize_t)
    cdef object _body(self, dict message)
    cdef object _finish(self, bytes data)
    cdef object _excess(self, bytes data)
    cdef object _send_trailers(self, dict message)
    cdef object _hint(self, dict message)
    cpdef object _path(self, dict message)
    cdef object _zero_copy(self, dict message)
    @cython.locals(excess=bint, end=bint)
    cdef object _send_file(self, int fd, long long offset, long long count, bint more)
    cpdef object file_gone(self, int fd, object _future)
    cpdef object app_ended(self, object exc)
    cdef object _failed(self, object exc)
    cdef object _unfinished(self, str reason)
    cdef object _cut(self, str reason)
    cdef object _complete(self)
    cpdef str describe(self)
    @cython.locals(
        head=Head, service=Service, stream=Stream, scope=dict, nothing=dict, extensions=dict
    )
    cdef dict _scope(self)

cdef dict _as_dict(object message)
cdef bytes _as_bytes(object data)
cdef bint _wants_trailers(Head head) except -1
