cpdef bytes decode(bytes data, Py_ssize_t start, Py_ssize_t end)
cpdef bytes copy(bytes data, Py_ssize_t start, Py_ssize_t end)
cpdef bytes encode(bytes data)
