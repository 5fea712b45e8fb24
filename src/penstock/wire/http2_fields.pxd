cpdef int check_fields(list fields, Py_ssize_t start) except? -2
cpdef bint is_path(bytes value) except? False
