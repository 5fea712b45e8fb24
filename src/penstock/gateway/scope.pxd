cdef int _DEPTH_MAX
cdef object ClientDisconnected

cpdef str decode_path(bytes raw_path, str root_path, int mode)
cpdef bint is_under(str path, str root_path) except -1
cpdef bint lost_client(object exc) except -1
