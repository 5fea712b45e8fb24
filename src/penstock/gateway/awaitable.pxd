cdef class Awaitable:
    cdef bint _begun
    cdef public object result

    cpdef object step(self, bint first)
