cpdef (int, int, int, int, unsigned int) unpack_frame(bytes data, Py_ssize_t pos) except *
cpdef bytes pack_frame(Py_ssize_t size, int kind, int flags, unsigned int stream)
cpdef bytes whole_answer(unsigned int stream, bytes block, bytes data)
