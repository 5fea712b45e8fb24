from penstock.wire.events cimport Head

cpdef Py_ssize_t parse_head(bytes data, Py_ssize_t start, Py_ssize_t fields_max, Head head) except -1
