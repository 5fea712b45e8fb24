import cython

cdef object MessageError
cdef object _HOP_BY_HOP
cdef int _NAMES_MAX
cdef dict _names

cpdef int status_code(object status) except -1
@cython.locals(declared="long long", key=bytes)
cpdef long long encode(object headers, list fields) except? -2
cdef bytes _field_name(object name)
cdef long long _length(str value, long long declared) except? -2
