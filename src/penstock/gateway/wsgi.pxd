import cython

from penstock.gateway.stream cimport Stream
from penstock.gateway.wsgi_call cimport WsgiCall

cdef object ClientDisconnected
cdef object DISCONNECT_LOST
cdef object HttpError
cdef object MessageError
cdef object deque

cdef int PART_DATA
cdef int PART_DONE
cdef int PART_FAILED
cdef int PART_FILE
cdef int PART_HEAD
cdef int PART_RAISED
cdef int PART_TAKEN
cdef int _COLLECTING
cdef int _RUNNING
cdef int _OVER
cdef tuple _PLAIN_TEXT

cdef class WsgiExchange(WsgiCall):
    cpdef object start(self)
    cpdef object on_body(self, bytes data, bint end)
    cpdef object on_writable(self)
    cpdef object on_disconnect(self, str reason, bint gone)
    cpdef object on_deadline(self, double now)
    cpdef object on_shutdown(self)
    cpdef str where(self)
    cpdef str cancel(self)
    @cython.locals(ready=bint)
    cdef object _collect(self)
    cdef object _submit(self)
    cdef object _refuse_body(self)
    cdef object _resume(self)
    cdef object _end(self)
    cdef object _wake(self)
    @cython.locals(delivered="long long")
    cpdef object deliver(self)
    @cython.locals(kind=int)
    cdef object _perform(self, tuple part)
    cdef object _send(self, int status, list headers, bytes data, bint end)
    cdef bint _head(self, int status, list headers) except -1
    @cython.locals(stream=Stream)
    cdef object _body(self, bytes data, bint end)
    cdef object _file(self, int status, list headers, int fd, long long offset, long long count)
    cpdef object _file_sent(self, object _future)
    cdef object _report(self, Py_ssize_t count)
    cdef object _failed(self, object exc)
    cdef object _answer_text(self, int status, bytes text, list more)
    cpdef str describe(self)
