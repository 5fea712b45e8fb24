cdef class Worker:
    cdef object _crashes
    cdef double _cut_since
    cdef long _cut_told
    cdef bytes _plain_headers
    cdef int _refused_count
    cdef double _refused_since
    cdef list _unswept
    cdef public object access_log
    cdef public dict addresses
    cdef public object admission
    cdef public object closed_hook
    cdef public bint closing
    cdef public set connections
    cdef public object counters
    cdef public bint crowded
    cdef public bytes default_headers
    cdef public object forwarding
    cdef public object http2
    cdef public str id_prefix
    cdef public object limits
    cdef public set lingering
    cdef public object logger
    cdef public object loop
    cdef public double now
    cdef public long number
    cdef public object pool
    cdef public long long requests
    cdef public long running
    cdef public object service
    cdef public object settings
    cdef public object static
    cdef public long websockets
