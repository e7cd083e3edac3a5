"""A server for pods that says its host's name, and asks others in turn: the two ends of a network.

`serve [CERTIFICATE KEY]` answers HTTP on 8080 (and on 8082 alike), UDP on 8081 and, with a
certificate, HTTPS on 8443.
`dial PROTOCOL HOST PORT TRIES` prints one answer per try; over HTTP `/dial?…` does the same.
"""

import http.server
import socket
import ssl
import sys
import threading
import urllib.parse

SECONDS = 2.0
"""Long enough for an answer from the same machine, short enough to wait for one that never comes."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/dial":
            said = "\n".join(dial(**dict(urllib.parse.parse_qsl(url.query))))
        elif url.path == "/":
            said = socket.gethostname()
        else:
            said = f"{self.command} {self.path}"
        body = said.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


for method in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"):
    setattr(Handler, f"do_{method}", Handler.answer)


def serve(certificate: str = "", key: str = "") -> None:
    """UDP first: who is asked whether it is ready answers by HTTP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("", 8081))
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate, key)
            secure = http.server.ThreadingHTTPServer(("", 8443), Handler)
            secure.socket = tls.wrap_socket(secure.socket, server_side=True)
            threading.Thread(target=secure.serve_forever).start()
        for port in (8082, 8080):
            plain = http.server.ThreadingHTTPServer(("", port), Handler)
            threading.Thread(target=plain.serve_forever).start()
        while True:
            _, peer = udp.recvfrom(64)
            udp.sendto(socket.gethostname().encode(), peer)


def dial(protocol: str, host: str, port: str, tries: str) -> list[str]:
    ask = over_udp if protocol == "udp" else over_http
    said = []
    for _ in range(int(tries)):
        try:
            said.append(ask(host, int(port)))
        except OSError as error:
            said.append(f"error: {error}")
    return said


def over_udp(host: str, port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(SECONDS)
        udp.connect((host, port))
        udp.send(b"who")
        return udp.recv(64).decode()


def over_http(host: str, port: int) -> str:
    """Not by http.client: the answer's end is the connection's."""
    with socket.create_connection((host, port), timeout=SECONDS) as tcp:
        tcp.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: tcp.recv(4096), b""))
        return answer.partition(b"\r\n\r\n")[2].decode()


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "serve":
        serve(*arguments)
    else:
        sys.stdout.write("\n".join(dial(*arguments)) + "\n")
