// The peer: oidc-provider with client_credentials, introspection and an RFC 8693 grant of ours,
// since it ships none. In memory (its default adapter): nothing it answers is durable. The exchange
// verifies subject and actor and narrows the scope; it has no consent, no relation, no record.
// Usage: node server.mjs PORT POOL_SIZE POOL_FILE; prints one line of JSON when it serves.
import { createWriteStream } from 'node:fs';
import { Provider, errors } from 'oidc-provider';
import { exportJWK, generateKeyPair, jwtVerify, createLocalJWKSet, SignJWT } from 'jose';

const [port, poolSize, poolFile] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
const issuer = `http://127.0.0.1:${port}`;
const secret = process.env.PEER_SECRET;
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS = 'urn:ietf:params:oauth:token-type:access_token';
const JWT_RESOURCE = 'https://docs.example/mcp';

// As many keys as ours publishes: three algorithms, an active and a next key each.
const keys = [];
let signing;
for (const alg of ['ES256', 'Ed25519', 'RS256']) {
  for (const place of ['active', 'next']) {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await exportJWK(privateKey)), kid: `${place}-${alg}`, alg, use: 'sig' };
    if (jwk.kid === 'active-ES256') signing = privateKey;
    keys.push(jwk);
  }
}
const formatted = {
  scope: 'docs:read docs:write', audience: JWT_RESOURCE, accessTokenTTL: 300,
  accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256', kid: 'active-ES256' } },
};
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'bench', client_secret: secret, grant_types: ['client_credentials', EXCHANGE],
    redirect_uris: [], response_types: [], token_endpoint_auth_method: 'client_secret_basic',
    scope: 'docs:read docs:write',
  }],
  jwks: { keys },
  enabledJWA: { idTokenSigningAlgValues: ['ES256', 'RS256', 'Ed25519'] },
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  scopes: ['docs:read', 'docs:write'],
  ttl: { ClientCredentials: 300, AccessToken: 300 },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (_, resource) => (resource === JWT_RESOURCE
        ? formatted
        : { ...formatted, audience: resource, accessTokenFormat: 'opaque', jwt: undefined, accessTokenTTL: 14400 }),
    },
  },
});
const published = createLocalJWKSet({ keys: keys.map(({ d, p, q, dp, dq, qi, ...k }) => k) });
async function verify(token) {
  try {
    return (await jwtVerify(token, published, { issuer, algorithms: ['ES256'], typ: 'at+jwt' })).payload;
  } catch {
    throw new errors.InvalidGrant('token is not acceptable');
  }
}
provider.registerGrantType(EXCHANGE, async (ctx) => {
  const { params, client } = ctx.oidc;
  if (params.subject_token_type !== ACCESS) throw new errors.InvalidRequest('subject_token_type');
  if (params.actor_token_type !== ACCESS) throw new errors.InvalidRequest('actor_token_type');
  const subject = await verify(params.subject_token);
  const actor = await verify(params.actor_token);
  if (actor.client_id !== client.clientId) throw new errors.InvalidGrant('actor');
  if (params.resource !== JWT_RESOURCE) throw new errors.InvalidTarget('resource');
  const have = new Set((subject.scope ?? '').split(' '));
  const want = (params.scope ?? subject.scope ?? '').split(' ').filter(Boolean);
  if (!want.every((s) => have.has(s))) throw new errors.InvalidScope('scope exceeds the subject token', params.scope);
  // The provider's own token class and formatter; accountId carries `sub`.
  const token = new provider.AccessToken({
    client, accountId: subject.sub, gty: EXCHANGE, scope: want.join(' '), extra: { act: { sub: actor.sub } },
  });
  token.resourceServer = new provider.ResourceServer(JWT_RESOURCE, formatted);
  const value = await token.save();
  ctx.body = { access_token: value, issued_token_type: ACCESS, token_type: 'Bearer', expires_in: 300, scope: token.scope };
}, ['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type', 'resource', 'scope']);
provider.on('server_error', (_, error) => console.error(error));

const mint = (sub, jti) => new SignJWT({ scope: 'docs:read docs:write', client_id: 'bench' })
  .setProtectedHeader({ alg: 'ES256', kid: 'active-ES256', typ: 'at+jwt' })
  .setIssuer(issuer).setAudience(issuer).setSubject(sub).setJti(jti)
  .setIssuedAt().setExpirationTime('4h').sign(signing);
const pool = createWriteStream(poolFile);
for (let n = 0; n < poolSize; n += 1) pool.write(`${await mint('user-1', `subject-${n}`)}\n`);
await new Promise((resolve) => { pool.end(resolve); });
const started = { subject: await mint('user-1', 'subject-x'), actor: await mint('agent-7', 'actor-x') };
provider.listen(port, '127.0.0.1', () => console.log(JSON.stringify(started)));
