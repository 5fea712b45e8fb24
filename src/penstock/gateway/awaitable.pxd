cdef class Awaitable:
    cdef bint _begun
    cdef public object result

    cpdef object step(self, bint first)

cdef class Waiters:
    cdef list _futures

    cpdef object wait(self, object runtime)
    cpdef void wake(self)
