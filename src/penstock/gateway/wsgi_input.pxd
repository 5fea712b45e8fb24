import cython

cdef class WsgiInput:
    cdef bytes _chunk
    cdef Py_ssize_t _position
    cdef object _source

    cdef bint _fill(self) except -1
    @cython.locals(left=Py_ssize_t, start=Py_ssize_t, end=Py_ssize_t, chunk=bytes)
    cpdef bytes read(self, object size=*)
    @cython.locals(left=Py_ssize_t, start=Py_ssize_t, end=Py_ssize_t, chunk=bytes, ended=bint)
    cpdef bytes readline(self, object size=*)
    @cython.locals(line=bytes, total=Py_ssize_t)
    cpdef list readlines(self, object hint=*)

cdef class ErrorStream:
    cdef object _service
    cdef public dict partial

    cpdef object write(self, object text)
    cpdef object writelines(self, object lines)
    cpdef object flush(self)
    cdef object _log(self, str line)

cdef class FileWrapper:
    cdef public object filelike
    cdef public object block_size

    cpdef object close(self)

cpdef object plain_file(object filelike)
