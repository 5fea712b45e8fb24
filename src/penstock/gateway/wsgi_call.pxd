import cython

from penstock.gateway.stream cimport Exchange, Service, Stream
from penstock.gateway.wsgi_headers cimport encode, status_code
from penstock.gateway.wsgi_input cimport FileWrapper, WsgiInput, plain_file
from penstock.wire.events cimport Head

cdef object ClientDisconnected
cdef object MessageError
cdef object deque

cdef Py_ssize_t _AHEAD_BYTES_MAX
cdef Py_ssize_t _REPORT_BYTES

cdef int _CALL
cdef int _ITERATE
cdef int _CLOSE
cdef int _ENDED


cdef class WsgiCall(Exchange):
    cdef bytes _answer
    cdef object _app_error
    cdef bint _blocked
    cdef object _chunks
    cdef object _context
    cdef long long _declared
    cdef long long _delivered
    cdef bint _finished
    cdef bint _gone
    cdef bint _head_out
    cdef list _headers
    cdef str _incomplete
    cdef bint _inline
    cdef object _iterator
    cdef bint _over
    cdef object _parts
    cdef int _phase
    cdef object _pool
    cdef bint _posted
    cdef long long _produced
    cdef object _result
    cdef Service _service
    cdef int _state
    cdef int _status
    cdef Stream _stream
    cdef Py_ssize_t _taken
    cdef Py_ssize_t _unsent
    cdef object _waiters
    cdef bint _whole
    cdef public bint bodyless
    cdef public Head head
    cdef public long long sent_bytes

    cpdef object run(self)
    @cython.locals(phase=int)
    cpdef object converse(self)
    @cython.locals(environ=dict, one=bint)
    cdef int _call(self) except -1
    @cython.locals(size=Py_ssize_t)
    cdef bint _single(self, object block) except -1
    cdef bint _bare(self) except -1
    cdef bint _no_content(self) except -1
    cdef bint _send_file(self, object wrapper) except -1
    @cython.locals(burst_blocks=int, produced="long long")
    cdef int _iterate(self) except -1
    @cython.locals(size=Py_ssize_t, room="long long")
    cdef object _block(self, object block, bint written)
    cdef object _finish(self)
    cdef object _close(self)
    cdef object _flush_errors(self)
    cdef object _put(self, tuple part)
    cdef object _push(self, tuple part, Py_ssize_t size, bint end)
    cdef bint _is_ahead(self) except -1
    cdef object _wait_if(self, bint writing)
    cdef object _check(self)
    @cython.locals(asked=bint, whole=bint)
    cpdef bytes take_body(self)
    cdef bint _is_dry(self) except -1
