cdef class Block:
    cdef public bytes block
    cdef public int bits
    cdef public long long length

cpdef bint write_block(object headers, Block block) except -1
cpdef bytes status_field(int status)
cpdef bytes length_field(long long length)
cpdef bytes encode_fields(object pairs)
