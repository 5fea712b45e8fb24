import cython

cdef tuple ENDINGS
cdef tuple EVENTS
cdef int _REQUEST


cdef class JsonShape:
    cdef Py_ssize_t _left
    cdef str _worker
    cdef public tuple wanted
    cdef public bint wants_lines

    @cython.locals(
        moments=dict,
        clients=dict,
        expected=Py_ssize_t,
        lines=list,
        entry=tuple,
        millisecond="long long",
        moment=str,
        client=str,
        line=str,
        text=str,
    )
    cpdef str render(self, list entries, bint colours)
    @cython.locals(
        event=int,
        method=str,
        path=str,
        query=str,
        version=str,
        status=int,
        ended=int,
        bytes_in="long long",
        bytes_out="long long",
        duration_us="long long",
        first_byte_us="long long",
        id_head=str,
        id_tail=str,
        close_code=int,
        picked=list,
        more=str,
    )
    cdef str _line(self, tuple entry, str moment, str client)
    cdef str _escaped(self, object entry)
