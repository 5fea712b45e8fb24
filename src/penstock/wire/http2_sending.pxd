import cython

from penstock.wire.http2_end cimport Http2End
from penstock.wire.http2_limits cimport Http2Limits
from penstock.wire.http2_pack cimport pack_frame, whole_answer
from penstock.wire.priority cimport Order, parse_priority

cdef object deque
cdef int FLAG_END_HEADERS
cdef int FLAG_END_STREAM
cdef Py_ssize_t FRAME_MIN
cdef long long INITIAL_WINDOW
cdef int INTERNAL_ERROR
cdef int TYPE_CONTINUATION
cdef int TYPE_DATA
cdef int TYPE_HEADERS
cdef object rst_stream
cdef object window_update
cdef int CLOSED_BY_END
cdef int CLOSED_BY_US
cdef int HALF_CLOSED_LOCAL
cdef int INPUTS
cdef bytes NEXT
cdef int SEND_END

cdef Py_ssize_t _UNTAKEN_BYTES_MAX
cdef Py_ssize_t _RESETS_KEPT_MAX
cdef Py_ssize_t _FRAME_BYTES_MAX
cdef bytes _NO_TABLE

cdef class HeaderBlock:
    cdef bytes block
    cdef bint ended

cdef class Source:
    cdef long long left
    cdef object reader

cdef class Sender:
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
    cdef public Py_ssize_t queued_bytes

    @cython.locals(size=Py_ssize_t, quick=Py_ssize_t, answer=bytes)
    cpdef bint respond(self, Http2End end, bytes block, bytes data) except? False
    cpdef object headers(self, Http2End end, bytes block, bint fin)
    @cython.locals(size=Py_ssize_t)
    cpdef bint send(self, Http2End end, bytes data, bint fin) except? False
    cpdef object send_source(self, Http2End end, object source, long long count, bint fin)
    @cython.locals(urgency=int, incremental=bint)
    cpdef object prioritize(self, Http2End end, bytes value)
    @cython.locals(window="long long", grown="long long", increment="long long")
    cpdef object consumed(self, Http2End end, Py_ssize_t count)
    cpdef object done(self, Http2End end)
    cpdef list ends(self)
    @cython.locals(order=Order)
    cpdef bint has_output(self)
    @cython.locals(out=list, data=bytes)
    cpdef bytes take(self, Py_ssize_t bytes_max)
    cdef object _queue_control(self, bytes frame)
    @cython.locals(window="long long", grown="long long", increment="long long")
    cdef object _give_back(self, Py_ssize_t count)
    cdef object _close(self, Http2End end, int state)
    cdef object _remember(self, long long number, int state)
    cdef object _reset(self, Http2End end, unsigned int code)
    cdef object _window_opened(self, Http2End end)
    @cython.locals(order=Order)
    cdef object _set_quick(self)
    @cython.locals(state=int)
    cdef object _end(self, Http2End end)
    cdef object _ended_early(self, Http2End end)
    cdef object _enqueue(self, Http2End end, object item)
    @cython.locals(source=Source)
    cdef object _drop_items(self, Http2End end)
    @cython.locals(flags=int)
    cdef object _frame_data(self, Http2End end, object data, Py_ssize_t size, bint fin)
    @cython.locals(flags=int, kind=int, start=Py_ssize_t, size=Py_ssize_t)
    cdef object _frame_headers(self, Http2End end, bytes block, bint fin)
    @cython.locals(order=Order, end=Http2End, first=Http2End)
    cdef object _fill(self, Py_ssize_t bytes_max)
    @cython.locals(
        sent=Py_ssize_t, room="long long", window="long long", waiting=HeaderBlock, file=Source,
        body=bytes
    )
    cdef object _serve(self, Order order, Http2End end)
    cdef object _leave(self, Order order, Http2End end)
    @cython.locals(offset=Py_ssize_t, stop=Py_ssize_t, last=bint, fin=bint)
    cdef object _from_bytes(self, Http2End end, bytes item, Py_ssize_t room)
    @cython.locals(data=bytes, size=Py_ssize_t, fin=bint)
    cdef Py_ssize_t _from_source(self, Http2End end, Source item, Py_ssize_t room) except -1
    cdef object _finish(self, Http2End end)
    @cython.locals(end=Http2End)
    cdef object _unblock(self)
