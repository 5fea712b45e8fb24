"""Which libraries hold the thread that calls them, by which calls, and what does not.

A call is told by what it is made on, written as `symbols` writes it: `redis.Redis().get` is a method
of a client. What only makes an object (`requests.Session()`) waits for nobody, and is left out.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Library(NamedTuple):
    """One library. `calls`: what waits; `lazy`: what waits when its result is iterated over.

    `instead` is what does not hold the loop, "" if there is only a thread. `whole`: what it makes is
    best used in one thread from its opening on. `django`: the thread must be the one of its ORM.
    """

    name: str
    calls: re.Pattern[str]
    lazy: re.Pattern[str] | None
    instead: str
    whole: bool
    django: bool


def _library(
    name: str, calls: str, instead: str = "", *, lazy: str = "", whole: bool = False,
    django: bool = False,
) -> Library:  # fmt: skip
    return Library(
        name, re.compile(calls), re.compile(lazy) if lazy else None, instead, whole, django
    )


def _driver(module: str, instead: str, makes: str = "connect") -> Library:
    """A driver of the database API (PEP 249)."""
    calls = (
        rf"{re.escape(module)}\.(?:{makes})"
        r"(?:\(\)(?:\.\w+\(\))*\.(?:execute\w*|callproc|commit|rollback|copy_\w+|getconn|connection))?"
    )
    return _library(module, calls, instead, whole=True)


_CLIENT = "an asynchronous client (httpx.AsyncClient, aiohttp)"
_PROGRAM = "asyncio.create_subprocess_exec()"
_DNS = "await loop.getaddrinfo()"
_VERBS = "get|post|put|patch|delete|head|options|request"
_MYSQL = "aiomysql or asyncmy"
_CHAIN = r"(?:\(\)|\[\]|\.\w+)*"
_SEARCH = rf"\(\)(?:\.\w+)?\.(?!options|close|transport)\w+{_CHAIN}"
_QUERYSET = (
    "get|create|get_or_create|update_or_create|bulk_create|bulk_update|count|in_bulk|latest|earliest"
    "|first|last|aggregate|exists|update|delete"
)
_SESSION = (
    r"sqlalchemy\.orm\.(?:\w+\.)?"
    r"(?:Session\(\)|sessionmaker\(\)(?:\.begin)?\(\)|scoped_session\(\)(?:\(\))?)"
)
_MANAGER = (
    r"django\.[\w.()]+(?:\.(?:_default_manager|objects)|(?:Manager|QuerySet)\(\))(?:\.\w+\(\))*"
)
_ROWS = "all|first|one|one_or_none|scalar|count|get|update|delete"

LIBRARIES = (
    _library("time", r"time\.sleep", "await asyncio.sleep()"),
    # ------------------------------------------------------------------------------------ programs
    _library(
        "subprocess",
        r"subprocess\.(?:run|call|check_call|check_output|getoutput|getstatusoutput)"
        r"|subprocess\.Popen\(\)\.(?:wait|communicate)",
        _PROGRAM,
    ),
    _library("os", r"os\.(?:system|popen)", _PROGRAM),
    # ---------------------------------------------------------------------------------- the network
    _library("requests", rf"requests\.(?:(?:Session|session)\(\)\.)?(?:{_VERBS}|send)", _CLIENT),
    _library("httpx", rf"httpx\.(?:Client\(\)\.)?(?:{_VERBS}|stream|send)", "httpx.AsyncClient"),
    _library(
        "urllib3", r"urllib3\.(?:(?:\w+Manager|\w+ConnectionPool)\(\)\.)?(?:request|urlopen)", _CLIENT
    ),
    _library(
        "urllib", r"urllib\.request\.(?:urlopen|urlretrieve|build_opener\(\)\.open)", _CLIENT
    ),
    _library(
        "http.client", r"http\.client\.HTTPS?Connection\(\)\.(?:connect|request|getresponse)", _CLIENT
    ),
    _library("pycurl", r"pycurl\.Curl\(\)\.perform", _CLIENT),
    _library(
        "socket", r"socket\.(?:create_connection|getaddrinfo|gethostby\w+|getfqdn|getnameinfo)", _DNS
    ),
    _library("dns.resolver", r"dns\.resolver\.(?:resolve\w*|query)", "dns.asyncresolver"),
    _library(
        "smtplib", r"smtplib\.(?:SMTP|SMTP_SSL|LMTP)(?:\(\)\.(?!set_debug|close)\w+)?", "aiosmtplib",
        whole=True,
    ),
    _library("imaplib", r"imaplib\.IMAP4\w*(?:\(\)\.(?!close)\w+)?", "aioimaplib", whole=True),
    _library("ftplib", r"ftplib\.FTP(?:_TLS)?(?:\(\)\.(?!set_|close)\w+)?", "aioftp", whole=True),
    _library(
        "paramiko", r"paramiko\.(?:client\.)?SSHClient\(\)\.(?:connect|exec_command|open_sftp)",
        "asyncssh", whole=True,
    ),
    _library("pika", r"pika\.BlockingConnection(?:\(\).*\.\w+)?", "aio-pika", whole=True),
    _library("boto3", rf"boto3\.(?:[\w.]*Session\(\)\.)?(?:client\(\)\.(?!get_paginator|get_waiter"
             rf"|generate_presigned|can_paginate|close)[a-z]\w*|client\(\)\.get_waiter\(\)\.wait"
             rf"|resource\(\)(?:\.[A-Z]\w*\(\))+\.[a-z]\w*{_CHAIN})", "aioboto3"),
    _library("openai", r"openai\.(?:OpenAI|AzureOpenAI)\(\)(?:\.\w+)+\.(?:create|parse|stream|list"
             r"|retrieve|delete|generate|edit)", "openai.AsyncOpenAI"),
    _library("anthropic", r"anthropic\.Anthropic\(\)(?:\.\w+)+\.(?:create|stream|parse|list"
             r"|retrieve|count_tokens)", "anthropic.AsyncAnthropic"),
    _library("elasticsearch", rf"elasticsearch\.Elasticsearch{_SEARCH}",
             "elasticsearch.AsyncElasticsearch"),
    _library("opensearchpy", rf"opensearchpy\.OpenSearch{_SEARCH}", "opensearchpy.AsyncOpenSearch"),
    # ------------------------------------------------------------------------------ databases, caches
    _driver("sqlite3", "aiosqlite"),
    _driver("psycopg2", "psycopg (AsyncConnection) or asyncpg", r"connect|pool\.\w+"),
    _driver("psycopg", "psycopg.AsyncConnection", r"connect|Connection\.connect"),
    _driver("psycopg_pool", "psycopg_pool.AsyncConnectionPool", r"ConnectionPool(?=\(\)\.)"),
    _driver("pymysql", _MYSQL, r"(?:connections\.)?(?:connect|Connection)"),
    _driver("MySQLdb", _MYSQL, r"(?:connections\.)?(?:connect|Connection)"),
    _driver("mysql.connector", "mysql.connector.aio"),
    _driver("pyodbc", "aioodbc"),
    _driver("oracledb", "oracledb.connect_async()"),
    _driver("duckdb", ""),
    _library(
        "pymongo", rf"pymongo\.(?:mongo_client\.)?MongoClient\(\){_CHAIN}\.(?:find_one\w*|insert_\w+"
        r"|update_\w+|replace_one|delete_\w+|count_documents|estimated_document_count|distinct"
        r"|bulk_write|command|create_index|list_\w+_names|to_list)", "pymongo.AsyncMongoClient",
        lazy=rf"pymongo\.(?:mongo_client\.)?MongoClient\(\){_CHAIN}\.(?:find|aggregate|sort|limit)",
    ),
    _library(
        "redis", r"redis\.(?:client\.)?(?:Redis|StrictRedis|RedisCluster|from_url|cluster\.RedisCluster"
        r"|Redis\.from_url)\(\)\.(?:(?!pipeline|pubsub|lock|register_script|close|connection_pool)\w+"
        r"|pipeline\(\)\.execute)", "redis.asyncio.Redis",
    ),
    _library("pymemcache", r"pymemcache\.[\w.]*Client\(\)\.(?!close)\w+", "aiomcache"),
    _library(
        "sqlalchemy", rf"{_SESSION}(?:\.(?:execute|scalars?|get|get_one|commit|flush|refresh|rollback"
        rf"|merge)|\.query\(\)(?:\.\w+\(\))*\.(?:{_ROWS}))"
        r"|sqlalchemy\.(?:engine\.)?create_engine\(\)\.(?:connect|begin|raw_connection"
        r"|(?:connect|begin)\(\)\.(?:execute|scalars?|commit|rollback))",
        "sqlalchemy.ext.asyncio (create_async_engine, AsyncSession)", whole=True,
        lazy=rf"{_SESSION}\.query(?:\(\)\.\w+)*",
    ),
    _library(
        "sqlmodel", r"sqlmodel\.(?:orm\.session\.)?Session\(\)\.(?:exec|execute|get|commit|flush|refresh"
        r"|rollback|merge)", "sqlmodel.ext.asyncio.session.AsyncSession", whole=True,
    ),
    _library(
        "Django's ORM",
        rf"{_MANAGER}\.(?:{_QUERYSET}|(?:a?get|a?create|a?first|a?last)\(\)\.(?:save|delete|refresh_from_db))"
        r"|django\.(?:db\.models\.[\w.]*Model|contrib\.auth\.[\w.]+User)\(\)"
        r"\.(?:save|delete|refresh_from_db|full_clean|check_password)"
        r"|django\.shortcuts\.get_(?:object|list)_or_404|django\.contrib\.auth\.(?:authenticate|login|logout)"
        r"|django\.db\.connection\.cursor\(\)\.execute\w*",
        "its asynchronous form (aget(), acreate(), asave(), async for)", django=True,
        lazy=rf"{_MANAGER}\.(?:all|filter|exclude|order_by|values|values_list|select_related|prefetch_related|distinct"
        r"|annotate|iterator|only|defer)",
    ),
    _library(
        "django.core.cache", r"django\.core\.cache\.(?:cache|caches\[\])\.(?:get|set|add|delete|touch|incr"
        r"|decr|clear|has_key|get_or_set|get_many|set_many|delete_many)",
        "its asynchronous form (aget(), aset())", django=True,
    ),
    _library(
        "django.core.mail", r"django\.core\.mail\.(?:send_mail|send_mass_mail|mail_admins|mail_managers"
        r"|EmailMessage\(\)\.send|EmailMultiAlternatives\(\)\.send)", django=True,
    ),
    # ----------------------------------------------------- what computes, without the interpreter's lock
    _library("bcrypt", r"bcrypt\.(?:hashpw|checkpw|kdf)"),
    _library("argon2", r"argon2\.PasswordHasher\(\)\.(?:hash|verify)"),
    _library("passlib", r"passlib\.[\w.]+\.(?:CryptContext\(\)\.)?(?:hash|verify|verify_and_update)"),
)  # fmt: skip

_BY_TOP: dict[str, list[Library]] = {}
for _each in LIBRARIES:
    _top = "django" if _each.django else _each.name.partition(".")[0]
    _BY_TOP.setdefault(_top, []).append(_each)


def waits(name: str) -> Library | None:
    """The library of `name` if a call of it holds the thread."""
    return next((each for each in _of(name) if each.calls.fullmatch(name)), None)


def waits_later(name: str) -> Library | None:
    """The same if not the call does, but iterating over what it returns."""
    return next((each for each in _of(name) if each.lazy and each.lazy.fullmatch(name)), None)


def _of(name: str) -> list[Library]:
    return _BY_TOP.get(name.partition(".")[0], [])
