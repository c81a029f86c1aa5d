"""What anybody can check with a JWT library alone: `python offline.py TOKEN JWKS_URL AUDIENCE`.

The signature, the audience and the expiry. Not whether the user has taken the delegation back,
whether an agent was suspended, or which objects it was about: those are in no token.
"""

import sys
import time

import jwt


def main() -> None:
    """Verify a token with PyJWT and the published keys."""
    token, jwks_url, audience = sys.argv[1:]
    key = jwt.PyJWKClient(jwks_url).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=[key.algorithm_name], audience=audience)
    left = claims["exp"] - time.time()
    print("signature valid", "expired" if left <= 0 else f"{left:.0f} s left")


if __name__ == "__main__":
    main()
