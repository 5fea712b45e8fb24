import cython

from penstock.gateway.stream cimport Exchange, Service, Stream
from penstock.transport.direct cimport write_now
from penstock.transport.record cimport Record, listed
from penstock.transport.worker cimport Worker
from penstock.wire.http1 cimport Reader
from penstock.wire.http1_response cimport Writer

cdef class Output(Stream):
    cdef double _deadline
    cdef bint _direct
    cdef Py_ssize_t _drained
    cdef int _fd
    cdef object _file
    cdef bytes _file_after
    cdef object _file_future
    cdef int _input
    cdef bint _lingering
    cdef bint _lost
    cdef bint _peer_eof
    cdef long long _rate_mark
    cdef double _rate_since
    cdef Reader _reader
    cdef bint _reading_paused
    cdef long long _received
    cdef Record _record
    cdef bint _responded
    cdef long long _sent_mark
    cdef double _sent_since
    cdef Service _service
    cdef bint _spilled
    cdef object _transport
    cdef Worker _worker
    cdef Writer _writer
    cdef long long _written
    cdef public Exchange exchange

    cdef _answer(self, int status, str text, object headers, bint bodyless)
    cdef _close(self)
    cdef _linger(self)
    cdef _read_off(self, Py_ssize_t size, Py_ssize_t size_max)
    cdef _pause(self)
    cdef _resume(self)
    @cython.locals(writer=Writer, length="long long")
    cpdef long long head(
        self, object status, object headers, bint bodyless, bint trailers
    ) except? -2
    cdef bytes _with_id(self, object headers)
    cpdef object flush(self)
    cpdef object file(self, int fd, long long offset, long long count, bint end)
    cpdef object informational(self, int status, object headers)
    cpdef object push(self, str path, object headers)
    cdef _response_end(self)
    @cython.locals(sent=Py_ssize_t, size=Py_ssize_t, part=bytes, direct=bint)
    cdef _write(self, object out)
    cdef _file_done(self)
    @cython.locals(waiting="long long", gone="long long")
    cdef _check_reader(self, double now)
