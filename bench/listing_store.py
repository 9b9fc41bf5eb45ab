"""An S3 store that only lists and reads, from memory: a page takes it a few milliseconds.

    listing_store.py PORT BUCKET FOLDER

`s3s-fs` reads all of its folders anew for each page, so a hundred pages of a hundred thousand
objects would measure that. Signatures are not checked.
"""

import bisect
import datetime
import os
import sys
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE_KEYS = 1000


def keys_below(folder):
    keys = []
    for place, _, names in os.walk(folder):
        below = os.path.relpath(place, folder)
        keys += [name if below == "." else f"{below}/{name}" for name in names]
    return sorted(keys)


class Store(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer is two writes; the second would wait for the first to be acknowledged.
    disable_nagle_algorithm = True
    wbufsize = -1
    bucket, folder, keys, stats = "", "", [], {}

    def log_message(self, *_):
        pass

    def do_GET(self):
        parts = urlsplit(self.path)
        key = unquote(parts.path).removeprefix(f"/{self.bucket}").lstrip("/")
        if key:
            self.answer_object(key)
        else:
            self.answer_page({name: value[0] for name, value in parse_qs(parts.query).items()})

    def answer_object(self, key):
        path = os.path.join(self.folder, key)
        if key not in self.stats:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")
            return
        with open(path, "rb") as file:
            self.answer(200, file.read(), "application/octet-stream")

    def answer_page(self, query):
        prefix = query.get("prefix", "")
        after = query.get("continuation-token") or query.get("start-after", "")
        first = bisect.bisect_left(self.keys, prefix)
        if after:
            first = max(first, bisect.bisect_right(self.keys, after))
        page = self.keys[first : first + PAGE_KEYS]
        found = [key for key in page if key.startswith(prefix)]
        more = len(found) == PAGE_KEYS
        rows = "".join(self.row(key) for key in found)
        token = f"<NextContinuationToken>{escape(found[-1])}</NextContinuationToken>" if more else ""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{self.bucket}</Name><KeyCount>{len(found)}</KeyCount><MaxKeys>{PAGE_KEYS}</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        )
        self.answer(200, body.encode(), "application/xml")

    def row(self, key):
        size, time = self.stats[key]
        return (
            f"<Contents><Key>{escape(key)}</Key><LastModified>{time}</LastModified><Size>{size}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
        )

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", formatdate(usegmt=True))
        self.end_headers()
        self.wfile.write(body)


def main(port, bucket, folder):
    def facts(key):
        found = os.stat(os.path.join(folder, key))
        time = datetime.datetime.fromtimestamp(found.st_mtime, datetime.timezone.utc)
        return found.st_size, f"{time:%Y-%m-%dT%H:%M:%S.000Z}"

    Store.bucket, Store.folder, Store.keys = bucket, folder, keys_below(folder)
    Store.stats = {key: facts(key) for key in Store.keys}
    ThreadingHTTPServer(("127.0.0.1", port), Store).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
