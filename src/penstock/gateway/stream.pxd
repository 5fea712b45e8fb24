cdef class Stream:
    cdef public object client
    cdef public int ended
    cdef public tuple extensions
    cdef public str http_version
    cdef public str root_path
    cdef public str scheme
    cdef public object server
    cdef public object tls
    cdef public bint writable

    cpdef long long head(
        self, object status, object headers, bint bodyless, bint trailers
    ) except? -2
    cpdef object flush(self)
    cpdef object body(self, bytes data, bint end)
    cpdef object file(self, int fd, long long offset, long long count, bint end)
    cpdef object trailers(self, object headers)
    cpdef object informational(self, int status, object headers)
    cpdef object push(self, str path, object headers)
    cpdef object accept(self, object headers)
    cpdef object read_more(self)
    cpdef object reset(self, str reason)
    cpdef object done(self)

cdef class Exchange:
    cdef public double began
    cdef public Py_ssize_t buffered
    cdef public int status

    cpdef object start(self)
    cpdef object on_body(self, bytes data, bint end)
    cpdef object on_writable(self)
    cpdef object on_disconnect(self, str reason, bint gone)
    cpdef object on_deadline(self, double now)
    cpdef object on_shutdown(self)
    cpdef str where(self)
    cpdef str cancel(self)

cdef class Runtime:
    cpdef object new_future(self)
    cpdef object new_waiter(self)
    cpdef object start_task(self, object coroutine, object context)
    cpdef object call_soon(self, object callback)
    cpdef object call_from_thread(self, object callback)
    cpdef object flush_soon(self, object exchange)

cdef class Service:
    cdef public object app
    cdef public object app_failed
    cdef public object context
    cdef public str interface
    cdef public object note
    cdef public str root_path
    cdef public int root_path_mode
    cdef public Runtime runtime
    cdef public object settings
    cdef public object state
