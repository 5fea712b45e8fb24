import cython

from penstock.wire.events cimport Head
from penstock.wire.http1_steer cimport too_large
from penstock.wire.http2_fields cimport check_fields, join_cookies, query_at
from penstock.wire.http2_limits cimport Http2Limits
from penstock.wire.huffman cimport copy

cdef object HttpError
cdef object StreamError
cdef int CONNECTION
cdef int COOKIES
cdef int EXPECT
cdef int HOST
cdef int LENGTH
cdef int TE
cdef int PROTOCOL_ERROR

cdef int _COLON
cdef int _SLASH
cdef Py_ssize_t _LENGTH_DIGITS_MAX
cdef long long _LENGTH_MAX
cdef long _PORT_MAX
cdef dict _METHODS
cdef object _METHOD
cdef object _HOST
cdef Py_ssize_t _HOSTS_MAX
cdef Py_ssize_t _HOST_BYTES_MAX
cdef set _hosts
cdef int _STEERING
cdef int _LIMITED
cdef int _FORWARDED

@cython.locals(
    method=bytes, scheme=bytes, path=bytes, authority=bytes, protocol=bytes, name=bytes,
    value=bytes, index=Py_ssize_t, mark=Py_ssize_t, bits=int, headers=list, head=Head, known=str
)
cpdef Head make_head(list fields, bint ended, bint websockets, Http2Limits limits)
@cython.locals(bits=int)
cpdef object check_trailers(list fields)
@cython.locals(found=bytes, first=bint, field=tuple, name=bytes)
cpdef bytes value_of(list headers, bytes wanted)
cdef object _check_tunnel(bytes authority, bint plain)
cdef object _connect(Head head, bytes protocol, bint websockets, bint ended)
@cython.locals(bits=int, name=bytes, value=bytes)
cdef object _steer(Head head, bint ended, bint with_authority)
@cython.locals(length="long long")
cdef object _limit(Head head, bint ended, Http2Limits limits)
cdef object _one_host(Head head, bint with_authority)
@cython.locals(digits=bytes)
cdef object _length(Head head, bint ended)
cdef object _check_host(bytes value, str name)
cdef object _field_fault(list fields)
cdef object _twice(bytes name)
cdef object _malformed(str text, str section)
