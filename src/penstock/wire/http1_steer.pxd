import cython

from penstock.wire.events cimport Head

cdef object HttpError
cdef int CODING
cdef int CONNECTION
cdef int EXPECT
cdef int LENGTH
cdef int ODD
cdef int UPGRADE

cdef Py_ssize_t _LENGTH_DIGITS_MAX
cdef long _PORT_MAX
cdef object _TOKEN
cdef object _HOST

@cython.locals(bits=int, old=bint, options=list)
cpdef object steer(Head head, str scheme, long long body_max)
cpdef object too_large(long long limit)
@cython.locals(digits=bytes)
cdef long long _content_length(list values, long long body_max) except -1
cdef object _target_and_host(Head head, str scheme)
cdef list _values(Head head, bytes wanted)
cdef list _options(list values)
cdef object _check_coding(list values)
cdef object _check_host(bytes value)
