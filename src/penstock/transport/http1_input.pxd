import cython

from penstock.gateway.http cimport HttpExchange
from penstock.gateway.stream cimport Exchange, Service
from penstock.transport.http1_log cimport Logged
from penstock.transport.worker cimport Worker
from penstock.wire.events cimport Head
from penstock.wire.http1 cimport Reader

cdef int HEAD
cdef int BODY
cdef int WAIT
cdef int SOCKET
cdef int CLOSED
cdef tuple _EXTENSIONS
cdef tuple _OLD_EXTENSIONS
cdef tuple _WEBSOCKET_EXTENSIONS
cdef int _PIPELINE_MAX

cdef class Input(Logged):
    cdef bytes _accept
    cdef bint _accepted
    cdef bint _advancing
    cdef Py_ssize_t _body_limit
    cdef bint _expect
    cdef bint _head_begun
    cdef double _head_seconds
    cdef Py_ssize_t _high_water
    cdef double _keep_alive_seconds
    cdef str _own_scheme
    cdef object _proxy
    cdef bint _queued
    cdef bint _told
    cdef bint _wsgi
    cdef public bint is_websocket

    @cython.locals(exchange=Exchange)
    cpdef data_received(self, bytes data)
    @cython.locals(started=int, deferred=bint, head=Head)
    cpdef _advance(self)
    cdef _advance_soon(self)
    @cython.locals(
        old=bint, service=Service, exchange=Exchange, file=Exchange, worker=Worker, request=HttpExchange
    )
    cdef _begin(self, Head head)
    cdef _start(self, Exchange exchange)
    cdef Exchange _begin_websocket(self, Head head)
    @cython.locals(reader=Reader, data=bytes, ended=bint, exchange=Exchange)
    cdef bint _take_body(self) except -1
    cdef _end(self)
    @cython.locals(first=bint)
    cdef _refuse(self, object exc)
    cdef bint _becomes_http2(self) except -1
    @cython.locals(out=object)
    cpdef object body(self, bytes data, bint end)
    cpdef object trailers(self, object headers)
    cpdef object accept(self, object headers)
    cpdef object read_more(self)
    cpdef object reset(self, str reason)
    @cython.locals(worker=Worker)
    cpdef object done(self)
    cdef _response_end(self)
