cdef object Http2Error
cdef int ENHANCE_YOUR_CALM

cdef int _RESETS_MAX
cdef int _EMPTY_MAX
cdef int _SETTINGS_MAX
cdef int _CHURN_MAX
cdef int _SMALL_MAX

cdef class Budget:
    cdef Py_ssize_t _churn
    cdef Py_ssize_t _empty
    cdef long long _mark
    cdef Py_ssize_t _resets
    cdef Py_ssize_t _settings
    cdef Py_ssize_t _small

    cpdef object reset(self)
    cpdef object empty(self)
    cpdef object small(self)
    cpdef object settings(self)
    cpdef object churn(self, long long progress)
    cpdef object recover(self, double seconds, long long progress)

cdef object _spent(str what, Py_ssize_t limit)
