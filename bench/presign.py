"""Presigned S3 URLs (Signature Version 4), so that `curl` need not sign or hash anything."""

import datetime
import hashlib
import hmac
import urllib.parse

from servers import ACCESS_KEY, REGION, SECRET_KEY


def presigned_put(endpoint, path, valid_seconds=3600):
    """The URL that lets anybody PUT one unsigned payload at `path` for a while."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    query = urllib.parse.urlencode(
        {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{ACCESS_KEY}/{scope}",
            "X-Amz-Date": now,
            "X-Amz-Expires": str(valid_seconds),
            "X-Amz-SignedHeaders": "host",
        }
    )
    host = urllib.parse.urlsplit(endpoint).netloc
    request = f"PUT\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(request.encode()).hexdigest()
    signature = hmac.new(
        signing_key(scope), f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}".encode(), hashlib.sha256
    ).hexdigest()
    return f"{endpoint}{path}?{query}&X-Amz-Signature={signature}"


def signing_key(scope):
    key = f"AWS4{SECRET_KEY}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
