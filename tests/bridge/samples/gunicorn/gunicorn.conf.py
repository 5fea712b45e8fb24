"""As a project has it that runs FastAPI under gunicorn."""

import multiprocessing
import os

bind = ["0.0.0.0:8000", "unix:run/site.sock"]
workers = int(os.environ.get("SAMPLE_WORKERS", "3")) or multiprocessing.cpu_count() * 2 + 1
worker_class = "uvicorn.workers.UvicornWorker"
wsgi_app = "sample_gunicorn:app"
timeout = 120
graceful_timeout = 40
keepalive = 5
max_requests = 1000
max_requests_jitter = 100
accesslog = "-"
access_log_format = '%(h)s "%(r)s" %(s)s %(M)sms'
errorlog = "-"
loglevel = "info"
forwarded_allow_ips = "10.0.0.0/8,127.0.0.1"
worker_tmp_dir = "/dev/shm"
preload_app = True
raw_env = ["DJANGO_SETTINGS_MODULE=site.settings"]
statsd_host = "127.0.0.1:8125"


def when_ready(server):
    server.log.info("ready")


def post_fork(server, worker):
    server.log.info("worker %s", worker.pid)
