#!/usr/bin/env python3
"""Prints a visitor token, which says who a visitor is: python visitor_token.py maren.quist@northwind.example

Environment: VISITOR_TOKEN_SECRET and VISITOR_TOKEN_KID (the shared secret and its name),
VISITOR_TOKEN_ISSUER, VISITOR_TOKEN_CONNECTION (the id of the connection; without it: default).
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time

LIFE = 10 * 60  # seconds; 24 hours at most


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def visitor_token(secret: str, kid: str, issuer: str, connection: str, email: str) -> str:
    """Only for a visitor who has proved that the address is theirs."""
    now = int(time.time())
    header = {"alg": "HS256", "typ": "JWT", "kid": kid}
    claims = {
        "iss": issuer,
        "aud": connection,
        "iat": now,
        "exp": now + LIFE,
        "email": email,
        "email_verified": True,
    }
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{encoded(signature)}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python visitor_token.py EMAIL")
    print(
        visitor_token(
            secret=os.environ["VISITOR_TOKEN_SECRET"],
            kid=os.environ["VISITOR_TOKEN_KID"],
            issuer=os.environ["VISITOR_TOKEN_ISSUER"],
            connection=os.environ.get("VISITOR_TOKEN_CONNECTION", "default"),
            email=sys.argv[1],
        )
    )
