import cython

from penstock.wire.http2 cimport Reader
from penstock.wire.http2_budget cimport Budget
from penstock.wire.http2_end cimport Http2End
from penstock.wire.http2_limits cimport Http2Limits, greeting
from penstock.wire.http2_sending cimport Sender
from penstock.wire.priority cimport parse_priority

cdef object Http2Error
cdef object StreamError
cdef Py_ssize_t SETTINGS_IN_ONE_MAX
cdef int ENHANCE_YOUR_CALM
cdef int FLAG_ACK
cdef int FLOW_CONTROL_ERROR
cdef long FRAME_MAX
cdef long FRAME_MIN
cdef long INITIAL_TABLE
cdef long INITIAL_WINDOW
cdef int NO_ERROR
cdef int PROTOCOL_ERROR
cdef bytes SETTINGS_ACK
cdef int SETTINGS_ENABLE_PUSH
cdef int SETTINGS_HEADER_TABLE_SIZE
cdef int SETTINGS_INITIAL_WINDOW_SIZE
cdef int SETTINGS_MAX_CONCURRENT_STREAMS
cdef int SETTINGS_MAX_FRAME_SIZE
cdef frozenset SETTINGS_OF_ONE_BIT
cdef int SETTINGS_TIMEOUT
cdef long long STREAM_ID_MAX
cdef int TYPE_GOAWAY
cdef int TYPE_PING
cdef int TYPE_PRIORITY_UPDATE
cdef int TYPE_RST_STREAM
cdef int TYPE_SETTINGS
cdef int TYPE_WINDOW_UPDATE
cdef long long WINDOW_MAX
cdef object error_name
cdef object goaway
cdef object ping
cdef object rst_stream
cdef int CLOSED_BY_END
cdef int CLOSED_BY_US
cdef int CODE
cdef int CONNECTION_FAULT
cdef int HALF_CLOSED_LOCAL
cdef int IDLE
cdef int INPUTS
cdef bytes NEXT
cdef int RECV_RST_STREAM
cdef int RECV_WINDOW_UPDATE
cdef int SKIPPED
cdef int STREAM_FAULT

cdef int _RESET
cdef int _GOAWAY
cdef int _NEED_MORE
cdef int _URGENCY
cdef bytes _PING
cdef Py_ssize_t _GAPS_MAX
cdef Py_ssize_t _EARLY_MAX
cdef int _LATE_TICKS_MAX
cdef Py_ssize_t _BLOCK_SLACK
cdef int _BODY_BYTES_A_FRAME
cdef int _FRAMES_OF_A_REQUEST

cdef class Control(Sender):
    cdef Budget _budget
    cdef dict _early
    cdef list _gaps
    cdef long long _goaway_last
    cdef long long _granted
    cdef double _head_due
    cdef long long _head_number
    cdef long long _last
    cdef long long _promised
    cdef long long _pushed_max
    cdef bint _peer_leaves
    cdef bint _pushes
    cdef Reader _reader
    cdef double _settings_due
    cdef bint _settings_open
    cdef double _then
    cdef public long long code
    cdef public bint leaving
    cdef public bint ours
    cdef public bint ping_open
    cdef public Http2End stream
    cdef public str text
    cdef public bint websockets

    cpdef object reset(self, Http2End end, long long code)
    cpdef object go_away(self, long long code, bint last)
    cpdef object ping(self)
    @cython.locals(seconds=double, end=Http2End)
    cpdef object tick(self, double now)
    @cython.locals(number="long long")
    cdef object _overdue(self, double now)
    @cython.locals(payload=bytes)
    cdef int _steered(self, int kind) except -1
    @cython.locals(payload=bytes, start=Py_ssize_t)
    cdef object _on_settings(self)
    @cython.locals(change="long long", end=Http2End)
    cdef object _set(self, int name, long long value)
    @cython.locals(reader=Reader, increment="long long", number="long long", end=Http2End)
    cdef int _on_window_update(self) except -1
    @cython.locals(number="long long", end=Http2End, whole=bint)
    cdef int _on_rst_stream(self) except -1
    @cython.locals(
        payload=bytes, number="long long", end=Http2End, urgency=int, incremental=bint
    )
    cdef object _on_priority_update(self)
    cdef object _change_priority(self, Http2End end, int urgency, bint incremental)
    cdef object _churn(self)
    @cython.locals(sent="long long")
    cdef long long _progress(self) except -1
    cdef int _closed_state(self, long long number) except -1
    cdef object _judge(self, int verdict, long long number)
    @cython.locals(expected="long long")
    cdef object _open_number(self, long long number)
    cdef object _die(self, object error)
    @cython.locals(end=Http2End, whole=bint)
    cdef int _end_in_error(self, long long number, object error) except -1
