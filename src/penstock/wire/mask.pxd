cpdef bytes apply_mask(bytes data, bytes key, Py_ssize_t offset)
cpdef bytes unmask(bytes data, Py_ssize_t start, Py_ssize_t end)
