import cython

from penstock.gateway.stream cimport Exchange
from penstock.transport.http2_answer cimport Answer
from penstock.transport.http2_output cimport Output
from penstock.transport.record cimport Record
from penstock.transport.worker cimport Worker
from penstock.wire.events cimport Head
from penstock.wire.http2_end cimport Http2End

cdef tuple _EXTENSIONS
cdef int _CANCEL

cdef class Http2Stream(Answer):
    cdef bint _body_ended
    cdef str _method
    cdef bint _over
    cdef bint _queued
    cdef long long _rate_mark
    cdef double _rate_since
    cdef long long _sent_mark
    cdef double _sent_since
    cdef bint _started

    @cython.locals(worker=Worker)
    cpdef begin(self, Output connection, Http2End end, Head head, bint ended)
    @cython.locals(record=Record)
    cpdef double begin_record(self, Head head) except? -1
    cpdef admit(self, Exchange exchange)
    @cython.locals(exchange=Exchange)
    cdef _start(self)
    cpdef start_queued(self)
    cpdef refuse_queued(self)
    @cython.locals(size=Py_ssize_t, exchange=Exchange, unread=Py_ssize_t, buffered=Py_ssize_t)
    cpdef received(self, bytes data, bint ended)
    @cython.locals(exchange=Exchange)
    cpdef object push(self, str path, object headers)
    cpdef told_as(self, Http2Stream other)
    cpdef drained(self)
    cpdef lost(self, str reason)
    cpdef refuse(self, object exc)
    cdef _answer_text(self, int status, str text, object headers)
    @cython.locals(worker=Worker)
    cpdef object done(self)
    cdef _response_end(self)
    cpdef bint let_go(self) except -1
    @cython.locals(record=Record)
    cdef _give_up(self)
    cpdef bint stalls(self) except -1
    @cython.locals(exchange=Exchange)
    cpdef on_sweep(self, double now)
    @cython.locals(window=double)
    cdef _check_sender(self, double now)
    @cython.locals(end=Http2End, gone="long long", window=double)
    cdef _check_reader(self, double now)
