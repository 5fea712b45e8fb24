cdef int _DEPTH_MAX
cdef object ClientDisconnected

cpdef str decode_path(bytes raw_path, str root_path)
cpdef bint lost_client(object exc) except -1
