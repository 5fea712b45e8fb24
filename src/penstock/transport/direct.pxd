cpdef Py_ssize_t write_now(int fd, bytes data) except -1
