import cython

from penstock.wire.events cimport Head

cdef object monotonic

cdef class Record:
    cdef double _began
    cdef double _first
    cdef object _log
    cdef long long _number
    cdef str _prefix
    cdef double _stream_start_s
    cdef bint _to_app
    cdef bint _told
    cdef public long long bytes_in
    cdef public long long bytes_out
    cdef public bint details
    cdef public object held
    cdef public bint tells_client
    cdef public bint trusted
    cdef public bint wants_lines

    cpdef double begin(self, Head head, long long number) except? -1
    cpdef str request_id(self, Head head)
    cdef str _given_id(self, Head head)
    cpdef bytes fields(self, Head head, object headers, bytes defaults)
    cpdef started(self)
    cpdef bint is_due(self) except -1
    @cython.locals(
        now=double, began=double, first="long long", duration="long long", id_head=str, id_tail=str
    )
    cpdef note(
        self,
        int event,
        object client,
        Head head,
        int status,
        int ended,
        long long bytes_in,
        long long bytes_out,
        int close_code,
        bytes lines,
        bint hold,
    )
    cpdef release(self, int ended)

cpdef object listed(object headers)
@cython.locals(name=bytes, value=bytes)
cpdef str given_id(list headers)
