import cython

from penstock.gateway.awaitable cimport Awaitable, Waiters
from penstock.gateway.stream cimport Exchange, Service, Stream
from penstock.wire.events cimport Head
from penstock.wire.websocket cimport Reader

cdef object DONE
cdef object ClientDisconnected
cdef object MessageError
cdef object WebSocketError
cdef object Deflater
cdef object Denial
cdef object Inflater
cdef object accept_headers
cdef object close_payload
cdef object drive
cdef object frame_header
cdef object websocket_scope
cdef object where
cdef tuple BINARY_HEADERS
cdef tuple TEXT_HEADERS
cdef int ABNORMAL_CLOSURE
cdef int FIN_BINARY
cdef int FIN_CLOSE
cdef int FIN_PING
cdef int FIN_PONG
cdef int FIN_TEXT
cdef int INTERNAL_ERROR
cdef int NO_STATUS_RECEIVED
cdef int NORMAL_CLOSURE
cdef int RSV1
cdef int SERVICE_RESTART
cdef Py_ssize_t COMPRESS_BYTES_MIN

cdef int _SEND
cdef int _ACCEPT
cdef int _CLOSE
cdef int _DENY_START
cdef int _DENY_BODY
cdef dict _KINDS
cdef int _CONNECTING
cdef int _OPEN
cdef int _DENYING
cdef int _FINISHED
cdef int _GONE
cdef int _DO
cdef int _REFUSE
cdef int _IGNORE
cdef int _LOST
cdef tuple _ACTIONS
cdef tuple _STATE_NAMES
cdef int _BURST_WORK_MAX
cdef Py_ssize_t _BURST_BYTES_MAX
cdef Py_ssize_t _QUEUE_BYTES_MAX
cdef Py_ssize_t _EARLY_BYTES_MAX
cdef Py_ssize_t _FULL
cdef Py_ssize_t _JOIN_BYTES_MAX
cdef int _REASON_CHARS_MAX
cdef int _SMALL_FRAME
cdef int _NO_MORE
cdef int _PING_EVENT
cdef int _CLOSE_EVENT
cdef bytes _ERROR_BODY
cdef list _ERROR_HEADERS
cdef list _EMPTY_HEADERS

cdef class _Receive(Awaitable):
    cdef WebSocketExchange _exchange

    cpdef object step(self, bint first)

cdef class _Send(Awaitable):
    cdef WebSocketExchange _exchange
    cdef object _message

    cpdef object step(self, bint first)

cdef class WebSocketExchange(Exchange):
    cdef Py_ssize_t _burst_bytes
    cdef int _burst_work
    cdef bint _cancelled
    cdef double _close_by
    cdef int _close_code
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

    cpdef object start(self)
    @cython.locals(reader=Reader)
    cpdef object on_body(self, bytes data, bint end)
    @cython.locals(pong=bytes)
    cpdef object on_writable(self)
    cpdef object on_disconnect(self, str reason, bint gone)
    cpdef object on_deadline(self, double now)
    cpdef object on_shutdown(self)
    cpdef str cancel(self)
    cpdef object receive_step(self, Awaitable awaitable)
    @cython.locals(kind=int, action=int)
    cpdef object send_step(self, object message)
    @cython.locals(first=int, headers=tuple, size=Py_ssize_t)
    cdef object _send(self, dict message)
    cdef object _frame(self, int first, bytes payload)
    cdef object _accept(self, dict message)
    cdef object _close(self, dict message)
    cdef object _deny(self, dict message)
    cdef object _deny_body(self, dict message)
    @cython.locals(reader=Reader, queue=list, event=int)
    cdef object _decode(self)
    cdef object _resume(self)
    cdef object _answer_ping(self, bytes payload)
    cdef object _closed_by_client(self, int code, str reason)
    cdef object _fail(self)
    cdef object _over(self, int state, int code, str reason)
    cdef object _send_close(self, int code, str reason)
    cdef object _answer(self, int status, object headers, bytes body)
    cdef object _cut(self, str reason)
    cpdef object app_ended(self, object exc)
    cdef object _failed(self, object exc)
    cdef object _finish(self, int code, str what)
    cpdef str describe(self)

cdef dict _as_dict(object message)
cdef bytes _as_bytes(object data)
