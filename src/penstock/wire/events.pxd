cdef class Head:
    cdef public str method
    cdef public bytes raw_path
    cdef public bytes query
    cdef public list headers
    cdef public str http_version
    cdef public long long content_length
    cdef public bint keep_alive
    cdef public bint expect_continue
    cdef public bint forwarded
    cdef public Py_ssize_t line_bytes
    cdef public int bits
    cdef public bytes upgrade
