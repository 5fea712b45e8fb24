cdef class Http2End:
    cdef public bint blocked
    cdef public bint done
    cdef public bint fin
    cdef public long long id
    cdef public bint incremental
    cdef public object items
    cdef public bint lingers
    cdef public Py_ssize_t offset
    cdef public bint open
    cdef public object owner
    cdef public bint queued
    cdef public long long receive_window
    cdef public long long received
    cdef public bint refused
    cdef public long long remaining
    cdef public long long send_window
    cdef public int state
    cdef public int ticks
    cdef public bint tunnel
    cdef public Py_ssize_t turn
    cdef public Py_ssize_t unread
    cdef public Py_ssize_t unreturned
    cdef public int urgency
    cdef public Py_ssize_t waiting
    cdef public long long window

    cpdef object begin(self, long long number, int state, long long send_window, long long window)
