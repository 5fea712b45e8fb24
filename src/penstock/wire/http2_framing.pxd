import cython

from penstock.wire.http2_end cimport Http2End
from penstock.wire.http2_limits cimport Http2Limits
from penstock.wire.http2_pack cimport pack_frame
from penstock.wire.priority cimport Order

cdef int FLAG_END_HEADERS
cdef int FLAG_END_STREAM
cdef Py_ssize_t FRAME_MIN
cdef long long INITIAL_WINDOW
cdef int TYPE_CONTINUATION
cdef int TYPE_DATA
cdef int TYPE_HEADERS
cdef object rst_stream
cdef object window_update
cdef int CLOSED_BY_END
cdef int CLOSED_BY_US
cdef int HALF_CLOSED_LOCAL
cdef int HALF_CLOSED_REMOTE
cdef int INPUTS
cdef bytes NEXT
cdef int RESERVED_LOCAL
cdef int SEND_END

cdef Py_ssize_t _RESETS_KEPT_MAX
cdef Py_ssize_t _UNTAKEN_BYTES_MAX
cdef Py_ssize_t _FRAME_BYTES_MAX
cdef bytes _NO_TABLE

cdef class Framer:
    cdef list _blocked
    cdef bint _dead
    cdef Order _order
    cdef list _out
    cdef Py_ssize_t _out_bytes
    cdef list _parked
    cdef long long _peer_window
    cdef Py_ssize_t _quick
    cdef long long _receive_window
    cdef dict _resets
    cdef long long _send_window
    cdef dict _streams
    cdef bint _table_update
    cdef long long _unreturned
    cdef Py_ssize_t _unwritten
    cdef long long _window
    cdef public Py_ssize_t active
    cdef public list drained
    cdef public list failed
    cdef public Http2Limits limits
    cdef public Py_ssize_t pushed
    cdef public Py_ssize_t queued_bytes

    @cython.locals(window="long long", grown="long long", increment="long long")
    cpdef object consumed(self, Http2End end, Py_ssize_t count)
    cpdef object done(self, Http2End end)
    cpdef bint stalled(self, Http2End end) except -1
    cpdef list ends(self)
    cdef object _queue_control(self, bytes frame)
    @cython.locals(window="long long", grown="long long", increment="long long")
    cdef object _give_back(self, Py_ssize_t count)
    cdef object _close(self, Http2End end, int state)
    cdef object _leave_place(self, Http2End end)
    cdef object _remember(self, long long number, int state)
    cdef object _reset(self, Http2End end, long long code)
    @cython.locals(order=Order)
    cdef object _set_quick(self)
    @cython.locals(state=int)
    cdef object _end(self, Http2End end)
    cdef object _ended_early(self, Http2End end)
    @cython.locals(flags=int)
    cdef object _frame_data(self, Http2End end, object data, Py_ssize_t size, bint fin)
    cdef object _frame_headers(self, Http2End end, bytes block, bint fin)
    @cython.locals(start=Py_ssize_t, size=Py_ssize_t)
    cdef object _frame_block(
        self, long long number, int kind, int flags, bytes block, long long promised
    )
    cdef object _drop_items(self, Http2End end)
