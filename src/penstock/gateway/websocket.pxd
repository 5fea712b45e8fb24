import cython

from penstock.gateway.awaitable cimport Awaitable
from penstock.gateway.waiters cimport Waiters
from penstock.gateway.websocket_wire cimport WebSocketWire
from penstock.wire.websocket cimport Reader

cdef object DONE
cdef object ClientDisconnected
cdef object MessageError
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
cdef int FIN_TEXT
cdef int INTERNAL_ERROR
cdef int NORMAL_CLOSURE
cdef int RSV1
cdef Py_ssize_t COMPRESS_BYTES_MIN
cdef int ACCEPT
cdef tuple ACTIONS
cdef int CONNECTING
cdef int DENY_START
cdef int DENYING
cdef int DO
cdef int FINISHED
cdef int GONE
cdef dict KINDS
cdef int LOST
cdef int OPEN
cdef int REFUSE
cdef int SEND
cdef int SHUT
cdef tuple STATE_NAMES

cdef int _BURST_WORK_MAX
cdef Py_ssize_t _BURST_BYTES_MAX
cdef Py_ssize_t _JOIN_BYTES_MAX
cdef int _SMALL_FRAME
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

cdef class WebSocketExchange(WebSocketWire):
    cpdef object start(self)
    cpdef str where(self)
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
    cpdef object app_ended(self, object exc)
    cdef object _failed(self, object exc)
    cdef object _finish(self, int code, str what)

cdef dict _as_dict(object message)
cdef bytes _as_bytes(object data)
