"""A server on this machine that kagglehub takes for Kaggle."""

import base64
import hashlib
import json
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StandIn(ThreadingHTTPServer):
    """What kagglehub talks to: two calls, and a file that is sent in full, from a byte on, or in part."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.content, self.md5 = content, base64.b64encode(hashlib.md5(content).digest()).decode()
        self.refusal: int | None = None
        self.page: str | None = None
        self.breaks_after: int | None = None
        self.ranges: list[str | None] = []


class Answers(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert (request["ownerSlug"], request["datasetSlug"]) == ("mateuszbuda", "lgg-mri-segmentation")
        if self.server.page:
            self.answer(200, self.server.page.encode(), {"Content-Type": "text/html"})
        elif self.server.refusal:
            body = json.dumps({"code": self.server.refusal, "message": "Permission denied"}).encode()
            self.answer(self.server.refusal, body, {"Content-Type": "application/json"})
        elif self.path == "/v1/datasets.DatasetApiService/GetDataset":
            self.answer(200, b'{"currentVersionNumber": 3}', {"Content-Type": "application/json"})
        else:
            assert self.path == "/v1/datasets.DatasetApiService/DownloadDataset"
            self.answer(302, b"", {"Location": "/archive.zip"})

    def do_GET(self):
        self.server.ranges.append(self.headers["Range"])
        start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        body = self.server.content[start:]
        headers = {"Accept-Ranges": "bytes", "x-goog-hash": f"md5={self.server.md5}", "Content-Type": "application/zip"}
        self.answer(206 if start else 200, body, headers, self.server.breaks_after)

    def answer(self, status, body, headers, breaks_after=None):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        with suppress(ConnectionError):  # kagglehub asks a second time where it goes on, and drops the first answer
            self.wfile.write(body[:breaks_after])  # and then the connection is closed

    def log_message(self, *_):
        pass
