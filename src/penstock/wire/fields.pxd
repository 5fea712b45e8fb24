cdef class Lines:
    cdef public bytes lines
    cdef public int bits
    cdef public long long length

cpdef bint write_fields(object headers, Lines lines) except -1
cpdef bytes assemble(bytes line, bytes fields, bytes defaults, bytes framing, bytes data)
