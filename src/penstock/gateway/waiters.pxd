cdef class Waiters:
    cdef list _futures

    cpdef object wait(self, object runtime)
    cpdef void wake(self)
