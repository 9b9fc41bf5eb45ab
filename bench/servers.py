"""The S3 server, TLS in front of it and latency in front of it, on the loopback only.

All of them are processes of ours with their files in the run's folder. Objects of
`s3s-fs` are plain files, so the benchmark counts and removes them on disk.
"""

import os
import socket
import sys
import time
from dataclasses import dataclass

from processes import stop

ACCESS_KEY = "BENCHACCESSKEY"
SECRET_KEY = "benchsecretkeybenchsecretkey"
REGION = "us-east-1"
BUCKET = "bench-bucket"

NGINX_CONFIG = """
{user}
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    client_max_body_size 0;
    upstream store {{ server 127.0.0.1:{upstream}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/tls/server.pem;
        ssl_certificate_key {folder}/tls/server.key;
        location / {{
            proxy_pass http://store;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


@dataclass
class S3Address:
    """Where a store answers."""

    port: int
    ca_file: str = ""

    @property
    def endpoint(self):
        return f"{'https' if self.ca_file else 'http'}://127.0.0.1:{self.port}"


class Servers:
    """Starts each server when it is first asked for; `close` ends them all."""

    def __init__(self, processes, folder, s3s_fs):
        self.processes = processes
        self.folder = folder
        self.s3s_fs = s3s_fs
        self.objects = os.path.join(folder, "s3")
        self.addresses = {}
        self.running = []
        self.silent = None

    def plain(self):
        return self._once("plain", self._start_s3s_fs)

    def tls(self):
        return self._once("tls", self._start_nginx)

    def delayed(self, milliseconds):
        return self._once(f"delay {milliseconds}", lambda: self._start_proxy(milliseconds))

    def refusing(self):
        """A store that nobody answers for: connections are refused."""
        return self._once("refusing", lambda: S3Address(free_port()))

    def hanging(self):
        """A store that takes a connection, and never says a word."""
        return self._once("hanging", self._listen)

    def far_listing(self, folder, milliseconds):
        """What lies in a folder, in a store that only lists and reads, so many milliseconds away."""
        port = free_port()
        argv = [sys.executable, "-S", script("listing_store.py"), str(port), BUCKET, folder]
        self._launch(argv, "listing-store.log", port)
        return self._delay(port, milliseconds, f"listing-proxy-{milliseconds}.log")

    def close(self):
        for server in reversed(self.running):
            stop(server)
        self.running.clear()
        if self.silent:
            self.silent.close()

    def _listen(self):
        self.silent = socket.create_server(("127.0.0.1", 0), backlog=128)
        return S3Address(self.silent.getsockname()[1])

    def _once(self, key, start):
        if key not in self.addresses:
            self.addresses[key] = start()
        return self.addresses[key]

    def _launch(self, argv, log_name, port, extra=None):
        server = self.processes.server(argv, log_name, extra)
        self.running.append(server)
        wait_until_it_listens(server, port, os.path.join(self.folder, log_name))

    def _start_s3s_fs(self):
        os.makedirs(os.path.join(self.objects, BUCKET))
        port = free_port()
        keys = ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]
        listen = ["--host", "127.0.0.1", "--port", str(port)]
        argv = [self.s3s_fs, *keys, *listen, self.objects]
        self._launch(argv, "s3s-fs.log", port, {"RUST_LOG": "error"})
        return S3Address(port)

    def _start_nginx(self):
        upstream = self.plain().port
        port = free_port()
        ca_file = make_certificates(self.processes, os.path.join(self.folder, "tls"))
        user = "user root;" if os.geteuid() == 0 else ""
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(
                NGINX_CONFIG.format(folder=self.folder, port=port, upstream=upstream, user=user)
            )
        argv = ["nginx", "-p", self.folder, "-c", config, "-e", f"{self.folder}/nginx-error.log"]
        self._launch(argv, "nginx.log", port)
        return S3Address(port, ca_file)

    def _start_proxy(self, milliseconds):
        return self._delay(self.plain().port, milliseconds, f"proxy-{milliseconds}.log")

    def _delay(self, upstream, milliseconds, log_name):
        port = free_port()
        argv = [sys.executable, "-S", script("latency_proxy.py")]
        self._launch([*argv, str(port), str(upstream), str(milliseconds)], log_name, port)
        return S3Address(port)


def script(name):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)


def make_certificates(processes, folder):
    """A throwaway CA and a certificate of 127.0.0.1 signed by it; returns the CA's file."""
    os.makedirs(folder)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    with open(os.path.join(folder, "san"), "w", encoding="ascii") as file:
        file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n")
    run = lambda *argv: processes.output(["openssl", *argv], cwd=folder, limit=60)
    own = ["-x509", "-days", "2", "-subj", "/CN=bench CA"]
    run("req", *own, *curve, "-keyout", "ca.key", "-out", "ca.pem")
    wanted = ["-new", "-subj", "/CN=127.0.0.1"]
    run("req", *wanted, *curve, "-keyout", "server.key", "-out", "server.csr")
    signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
    run("x509", "-req", "-in", "server.csr", *signer, "-extfile", "san", "-out", "server.pem")
    return os.path.join(folder, "ca.pem")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_it_listens(server, port, log, limit=20):
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    with open(log, encoding="utf-8", errors="replace") as file:
        told = file.read()[-2000:]
    raise RuntimeError(f"the server on port {port} does not listen:\n{told}")
