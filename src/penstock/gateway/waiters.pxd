import cython

cdef class Waiters:
    cdef list _futures

    cpdef object wait(self, object runtime)
    @cython.locals(woken=bint)
    cpdef bint wake(self) except -1
    @cython.locals(fired=bint)
    cpdef bint fire(self) except -1
