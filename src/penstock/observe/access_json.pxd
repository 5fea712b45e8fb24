import cython

from penstock.observe.json_line cimport json_line

cdef tuple ENDINGS
cdef tuple EVENTS
cdef int _REQUEST
cdef Py_ssize_t _CLIENTS_MAX


cdef class JsonShape:
    cdef dict _clients
    cdef long long _second
    cdef str _second_shown
    cdef str _worker
    cdef public tuple wanted
    cdef public bint wants_lines

    cpdef str render(self, list entries, bint colours)
    @cython.locals(
        milliseconds="long long",
        second="long long",
        millisecond=int,
        who=str,
        more=str,
        traceparent=str,
        agent=str,
    )
    cpdef str line(
        self,
        int event,
        object client,
        str method,
        str path,
        str query,
        str version,
        int status,
        int ended,
        long long bytes_in,
        long long bytes_out,
        long long duration_us,
        long long first_byte_us,
        double now,
        str id_head,
        str id_tail,
        int close_code,
        list picked,
    )

cdef str _inner(str value)
