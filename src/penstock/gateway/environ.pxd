import cython

from penstock.gateway.stream cimport Stream
from penstock.gateway.wsgi_input cimport ErrorStream
from penstock.wire.events cimport Head

cdef object HttpError
cdef object EMPTY
cdef object FileWrapper
cdef object unquote_to_bytes

cdef int _NAMES_MAX
cdef dict _WITHOUT_PREFIX
cdef dict _PROTOCOLS

cdef class Environs:
    cdef dict _base
    cdef bint _drop_proxy
    cdef bint _drop_underscore
    cdef tuple _local
    cdef int _mode
    cdef str _mount
    cdef dict _names
    cdef str _root_path
    cdef Py_ssize_t _values_max
    cdef public ErrorStream errors

    @cython.locals(
        base=dict, environ=dict, raw_path=bytes, query=bytes, name=bytes, value=bytes, headers=list,
        key=str, text=str, path=str, target=str, mount=str, names=dict, scheme=str, local=tuple,
    )
    cpdef dict build(self, Head head, Stream stream, object body)
    cdef dict _on(self, object server, str scheme)
    cdef str _translate(self, bytes name)
    cdef object _repeated(self, dict environ, str key, str value)
    cdef object _bound(self, list headers)
