"""The grant types: one file and one line each."""

from server.protocol.grants.authorization_code import AuthorizationCodeGrant
from server.protocol.grants.base import Grant
from server.protocol.grants.client_credentials import ClientCredentials
from server.protocol.grants.jwt_bearer import JwtBearer
from server.protocol.grants.refresh_token import RefreshTokenGrant
from server.protocol.grants.token_exchange import TokenExchange

GRANTS: tuple[Grant, ...] = (
    AuthorizationCodeGrant(),
    RefreshTokenGrant(),
    ClientCredentials(),
    TokenExchange(),
    JwtBearer(),
)
