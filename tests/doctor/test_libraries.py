"""Calls that wait are known by what they are made on; what only makes an object is none of them."""

import pytest

from penstock.doctor.libraries import LIBRARIES, waits, waits_later


@pytest.mark.parametrize(
    "call",
    [
        "time.sleep", "subprocess.run", "subprocess.Popen().communicate", "os.system", "requests.get",
        "requests.Session().post", "httpx.get", "httpx.Client().send", "urllib3.PoolManager().request",
        "urllib.request.urlopen", "http.client.HTTPSConnection().getresponse", "socket.getaddrinfo",
        "smtplib.SMTP", "smtplib.SMTP_SSL().send_message", "imaplib.IMAP4_SSL().login", "ftplib.FTP().cwd",
        "boto3.client().put_object", "boto3.Session().client().get_object",
        "boto3.resource().Table().get_item", "openai.OpenAI().chat.completions.create",
        "anthropic.Anthropic().messages.create", "elasticsearch.Elasticsearch().indices.create",
        "sqlite3.connect", "sqlite3.connect().execute", "sqlite3.connect().cursor().executemany",
        "psycopg2.connect().cursor().execute", "psycopg2.pool.ThreadedConnectionPool().getconn",
        "psycopg_pool.ConnectionPool().connection", "pymysql.connect().commit", "mysql.connector.connect",
        "pymongo.MongoClient()[][].find_one", "pymongo.MongoClient().shop.books.insert_one",
        "redis.Redis().get", "redis.from_url().set", "redis.Redis().pipeline().execute",
        "pymemcache.client.base.Client().get", "sqlalchemy.orm.Session().execute",
        "sqlalchemy.orm.sessionmaker()().query().filter().all", "sqlalchemy.orm.scoped_session().commit",
        "sqlalchemy.create_engine().connect().execute", "sqlmodel.Session().exec",
        "django.db.models.Model.objects.get", "django.db.models.Model.objects.filter().exists",
        "django.db.models.Model().save", "django.db.models.Model.objects.aget().save",
        "django.contrib.auth.get_user_model().objects.create", "django.shortcuts.get_object_or_404",
        "django.core.cache.cache.get", "django.core.cache.caches[].set", "django.core.mail.send_mail",
        "bcrypt.hashpw", "passlib.context.CryptContext().verify", "argon2.PasswordHasher().verify",
    ],
)  # fmt: skip
def test_calls_that_wait_are_known(call: str) -> None:
    assert waits(call) is not None


@pytest.mark.parametrize(
    "call",
    [
        "", "time.time", "asyncio.sleep", "requests.Session", "requests.get().json", "httpx.Client",
        "httpx.AsyncClient().get", "redis.Redis", "redis.asyncio.Redis().get", "redis.Redis().pipeline",
        "boto3.client", "boto3.client().get_paginator", "boto3.client().generate_presigned_url",
        "aioboto3.Session().client().get_object", "openai.AsyncOpenAI().chat.completions.create",
        "pymongo.MongoClient", "pymongo.MongoClient()[][].find", "pymongo.AsyncMongoClient()[].find_one",
        "psycopg.AsyncConnection.connect", "psycopg_pool.ConnectionPool", "sqlalchemy.select().where",
        "sqlalchemy.create_engine", "sqlalchemy.orm.Session().add", "sqlalchemy.orm.Session().query",
        "sqlalchemy.ext.asyncio.AsyncSession().execute", "django.db.models.Model.objects.filter",
        "django.db.models.Model.objects.aget", "django.db.models.Model().asave", "django.core.cache.cache.aget",
        "elasticsearch.AsyncElasticsearch().search", "subprocess.Popen", "urllib.parse.quote",
    ],
)  # fmt: skip
def test_calls_that_wait_for_nobody_are_not(call: str) -> None:
    assert waits(call) is None


@pytest.mark.parametrize(
    "call, later",
    [
        ("django.db.models.Model.objects.filter().order_by", True),
        ("pymongo.MongoClient()[][].find", True), ("sqlalchemy.orm.Session().query().filter", True),
        ("django.db.models.Model.objects.aget", False), ("requests.get", False),
    ],
)  # fmt: skip
def test_a_query_waits_when_it_is_iterated_over(call: str, later: bool) -> None:
    assert (waits_later(call) is not None) is later


def test_each_library_is_named_once() -> None:
    names = [each.name for each in LIBRARIES]
    assert len(set(names)) == len(names)
