cpdef Py_ssize_t write_now(int fd, bytes data) except -1
cpdef object call_with(object callee, object argument, dict options)
cpdef object keep_memory()
