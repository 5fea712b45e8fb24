cdef class Block:
    cdef public bytes block
    cdef public int bits
    cdef public long long length

cpdef bint write_block(object headers, Block block) except -1
cpdef bytes status_field(int status)
cpdef bytes response_block(int status, bytes fields, long long length, bytes defaults)
cpdef bytes encode_fields(object pairs)
