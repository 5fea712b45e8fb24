cpdef int check_fields(list fields, Py_ssize_t start) except? -2
cpdef Py_ssize_t query_at(bytes value) except? -2
cpdef object join_cookies(list fields)
