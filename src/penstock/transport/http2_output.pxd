import cython

from penstock.gateway.stream cimport Service
from penstock.transport.direct cimport write_now
from penstock.transport.http2_shared cimport Shared
from penstock.transport.worker cimport Worker
from penstock.wire.http2_end cimport Http2End
from penstock.wire.http2_session cimport Session

cdef Py_ssize_t _PIECE_BYTES
cdef Py_ssize_t _TURN_BYTES_MAX

cdef class Output:
    cdef bint _advancing
    cdef bint _closed
    cdef double _deadline
    cdef bint _direct
    cdef Py_ssize_t _drained
    cdef list _ending
    cdef int _fd
    cdef bint _flush_due
    cdef bint _lingering
    cdef bint _lost
    cdef bint _paused
    cdef bint _peer_eof
    cdef object _proxy
    cdef bint _reading_paused
    cdef long long _received
    cdef long long _sent_mark
    cdef double _sent_since
    cdef bint _spilled
    cdef object _transport
    cdef long long _written
    cdef public object client
    cdef public str scheme
    cdef public object server
    cdef public Service service
    cdef public Session session
    cdef public Shared shared
    cdef public set streams
    cdef public object tls
    cdef public Worker worker

    cpdef output(self)
    cpdef ends(self, object stream)
    cpdef over(self, object stream)
    cpdef _flush_now(self)
    @cython.locals(session=Session, taken=Py_ssize_t, size=Py_ssize_t, out=bytes, end=Http2End)
    cdef _flush(self)
    @cython.locals(ending=list)
    cdef _look_at_ending(self)
    @cython.locals(sent=Py_ssize_t)
    cdef _write(self, bytes out, Py_ssize_t size)
    cdef _resumed(self)
    cdef _after(self)
    cpdef advance_soon(self)
    cpdef begin_promised(self, object parent, object end, object head)
    cpdef bint trusts_peer(self) except -1
    cdef _pause(self)
    cdef _resume(self)
    cdef _close(self)
    cdef _linger(self)
    cdef _read_off(self, Py_ssize_t size)
    @cython.locals(waiting="long long", gone="long long", window=double, enough=bint)
    cdef bint _reads(self, double now) except -1
    cdef _cut(self)
