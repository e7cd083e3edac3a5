"""What outsiders need to verify service account tokens: issuer document and public key.

Neighbour: `apiserver.identity.tokens` has the key. Nothing here is secret.
"""

import orjson

from apimachinery import status, wire
from apiserver.core import Core
from apiserver.identity import signing, tokens

JWKS_PATH = "/openid/v1/jwks"


async def handle(core: Core, request: wire.Request) -> wire.Response:
    """`/.well-known/openid-configuration` or the key set."""
    if core.tokens is None:
        raise status.path_not_found()
    if request.path.rstrip("/") == JWKS_PATH:
        return _json(core.tokens.key_set(), "application/jwk-set+json")
    address = f"{core.options.advertise_address}:{core.options.advertise_port}"
    told = {
        "issuer": tokens.ISSUER,
        "jwks_uri": f"https://{address}{JWKS_PATH}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [signing.ALGORITHM],
    }
    return _json(told, "application/json")


def _json(obj: wire.JsonObject, content_type: str) -> wire.Response:
    headers = {"Content-Type": content_type, "Cache-Control": "public, max-age=3600"}
    return wire.Response(200, headers, orjson.dumps(obj))
