import cython

from penstock.gateway.waiters cimport Waiters
from penstock.gateway.stream cimport Exchange, Service, Stream
from penstock.wire.events cimport Head
from penstock.wire.websocket cimport Reader

cdef object WebSocketError
cdef object Deflater
cdef object Denial
cdef object close_payload
cdef object frame_header
cdef int ABNORMAL_CLOSURE
cdef int FIN_CLOSE
cdef int FIN_PING
cdef int FIN_PONG
cdef int INTERNAL_ERROR
cdef int NO_STATUS_RECEIVED
cdef int SERVICE_RESTART
cdef int CONNECTING
cdef int DENYING
cdef int FINISHED
cdef int GONE
cdef int OPEN

cdef Py_ssize_t _QUEUE_BYTES_MAX
cdef Py_ssize_t _EARLY_BYTES_MAX
cdef Py_ssize_t _FULL
cdef int _REASON_CHARS_MAX
cdef int _NO_MORE
cdef int _PING_EVENT
cdef int _CLOSE_EVENT
cdef list _EMPTY_HEADERS

cdef class WebSocketWire(Exchange):
    cdef Py_ssize_t _burst_bytes
    cdef int _burst_work
    cdef bint _cancelled
    cdef double _close_by
    cdef public int close_code
    cdef str _close_reason
    cdef bint _close_sent
    cdef bint _connect_taken
    cdef object _deflater
    cdef object _denial
    cdef bytes _early
    cdef bint _ended
    cdef object _failure
    cdef bint _heard
    cdef object _offer
    cdef double _ping_sent
    cdef bytes _pong
    cdef list _queue
    cdef Py_ssize_t _queue_bytes
    cdef Py_ssize_t _queue_max
    cdef double _quiet_since
    cdef Reader _reader
    cdef Waiters _receivers
    cdef Waiters _senders
    cdef Service _service
    cdef int _state
    cdef Stream _stream
    cdef object _task
    cdef public Head head

    @cython.locals(reader=Reader)
    cpdef object on_body(self, bytes data, bint end)
    @cython.locals(pong=bytes)
    cpdef object on_writable(self)
    cpdef object on_disconnect(self, str reason, bint gone)
    cpdef object on_deadline(self, double now)
    cpdef object on_shutdown(self)
    cpdef str describe(self)
    @cython.locals(reader=Reader, queue=list, event=int)
    cdef bint _decode(self) except -1
    cdef object _resume(self)
    cdef object _answer_ping(self, bytes payload)
    cdef object _closed_by_client(self, int code, str reason)
    cdef object _fail(self)
    cdef object _over(self, int state, int code, str reason)
    cdef object _send_close(self, int code, str reason)
    cdef object _answer(self, int status, object headers, bytes body)
    cdef object _cut(self, str reason)
