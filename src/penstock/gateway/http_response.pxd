import cython

from penstock.gateway.waiters cimport Waiters
from penstock.gateway.stream cimport Exchange, Service, Stream
from penstock.wire.events cimport Head

cdef object DONE
cdef object ClientDisconnected
cdef object MessageError

cdef int _START
cdef int _BODY
cdef int _TRAILERS
cdef int _HINT
cdef int _PATH
cdef int _ZERO_COPY
cdef int _PUSH
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

cdef class HttpResponse(Exchange):
    cdef Py_ssize_t _burst_bytes
    cdef int _burst_events
    cdef bint _cancelled
    cdef bint _disconnected
    cdef list _chunks
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
    cdef bint _trailers
    cdef public bint bodyless
    cdef public Head head
    cdef public long long sent_bytes

    cpdef object flush(self)
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
    cdef object _unfinished(self, str reason)
    cdef object _cut(self, str reason)
    cdef object _complete(self)
    cpdef str describe(self)

cdef dict _as_dict(object message)
cdef bytes _as_bytes(object data)
cdef bint _wants_trailers(Head head) except -1
