import cython

from penstock.gateway.stream cimport Runtime
from penstock.transport.direct cimport call_with

cdef bint _EAGER
cdef object _Task
cdef object _current_task

cdef int _PENDING
cdef int _DONE
cdef int _CANCELLED

cdef class Waiter:
    cdef public bint _asyncio_future_blocking
    cdef object _callback
    cdef object _context
    cdef object _loop
    cdef object _message
    cdef int _state

    cpdef object begin(self, object loop)
    cpdef bint done(self)
    cpdef object set_result(self, object result)
    cpdef object fire(self)
    cdef object _schedule(self)

cdef class LoopRuntime(Runtime):
    cdef public object loop
    cdef public set tasks
    cdef public object on_idle
    cdef object _from_threads
    cdef dict _task_options
    cdef bint _waking
    cdef public list _to_flush
    cdef public object _flush_timer

    cpdef object new_future(self)
    @cython.locals(waiter=Waiter)
    cpdef object new_waiter(self)
    @cython.locals(options=dict)
    cpdef object start_task(self, object coroutine, object context)
    cpdef object call_soon(self, object callback)
    cpdef object call_from_thread(self, object callback)
    cpdef object flush_soon(self, object exchange)
