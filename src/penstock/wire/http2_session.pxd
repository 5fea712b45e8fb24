import cython

from penstock.wire.events cimport Head
from penstock.wire.hpack cimport Decoder
from penstock.wire.http1_steer cimport too_large
from penstock.wire.http2 cimport Reader
from penstock.wire.http2_control cimport Control
from penstock.wire.http2_end cimport Http2End
from penstock.wire.http2_head cimport check_trailers, make_head, value_of
from penstock.wire.http2_limits cimport Http2Limits
from penstock.wire.priority cimport parse_priority

cdef object CompressionError
cdef object Http2Error
cdef object HttpError
cdef object StreamError
cdef int COMPRESSION_ERROR
cdef int ENHANCE_YOUR_CALM
cdef int FLOW_CONTROL_ERROR
cdef int INITIAL_TABLE
cdef int NO_ERROR
cdef int PROTOCOL_ERROR
cdef int REFUSED_STREAM
cdef long long STREAM_ID_MAX
cdef int TYPE_DATA
cdef int TYPE_HEADERS
cdef int TYPE_PUSH_PROMISE
cdef int CLOSED_BY_END
cdef int FAULTS
cdef int HALF_CLOSED_LOCAL
cdef int HALF_CLOSED_REMOTE
cdef int IGNORED
cdef int INPUTS
cdef bytes NEXT
cdef int RECV_DATA
cdef int RECV_DATA_END
cdef int RECV_HEADERS
cdef int RECV_HEADERS_END
cdef int RESERVED_LOCAL

cdef int _NEED_MORE
cdef int _REQUEST
cdef int _REFUSED
cdef int _DATA
cdef int _URGENCY
cdef Py_ssize_t _SMALL_BYTES
cdef Py_ssize_t _UNWRITTEN_MAX
cdef int _PRIORITY
cdef Py_ssize_t _PSEUDO_FIELDS

cdef class Session(Control):
    cdef Decoder _decoder
    cdef public bytes data
    cdef public bint ended
    cdef public Head head
    cdef public str option
    cdef public bytes protocol
    cdef public int status

    cpdef object receive(self, bytes data)
    cpdef Py_ssize_t pending(self)
    @cython.locals(reader=Reader, kind=int, event=int)
    cpdef int next(self) except -1
    @cython.locals(number="long long", promised=Http2End)
    cpdef Http2End push(self, Http2End end, bytes block)
    @cython.locals(
        reader=Reader, limits=Http2Limits, decoder=Decoder, number="long long", fields=list,
        ended=bint, end=Http2End, state=int, verdict=int, head=Head
    )
    cdef int _on_headers(self) except -1
    cdef object _refuse(self, int status, str text, str option)
    cdef int _on_trailers(self, Http2End end, list fields, int state) except -1
    @cython.locals(
        reader=Reader, number="long long", end=Http2End, data=bytes, size=Py_ssize_t,
        padding=Py_ssize_t, ended=bint, state=int, verdict=int
    )
    cdef int _on_data(self) except -1
    @cython.locals(ended=bint)
    cdef int _deliver(self, Http2End end, bytes data, int state) except -1
    cdef object _drop(self, Http2End end, Py_ssize_t size)
    cdef int _refuse_body(self, Http2End end, int state) except -1
    cdef object _ended_early(self, Http2End end)
