// Drives Mandate with oauth4webapi as a strict relying party. The settings are a JSON document in
// the environment (SCENE). It prints `AUTHORIZE <url>` where a person is needed and reads the
// callback's address from standard input; the last line is a JSON document of what it found.
import assert from "node:assert/strict"
import { createInterface } from "node:readline"
import * as oauth from "oauth4webapi"

const scene = JSON.parse(process.env.SCENE)
const http = { [oauth.allowInsecureRequests]: true }
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const found = {}

const as = await discover("oidc")
assert.deepEqual(await discover("oauth2"), as)

const app = { client_id: scene.app.id }
const appAuth = oauth.ClientSecretBasic(scene.app.secret)
const agent = { client_id: scene.agent.id }
const agentAuth = oauth.ClientSecretBasic(scene.agent.secret)
const docs = { client_id: scene.documents.id }
const docsAuth = oauth.ClientSecretBasic(scene.documents.secret)

await signIn()
await publicClient()
const actor = await clientCredentials()
await exchange(actor)
await privateKeyJwt()
console.log(JSON.stringify(found))
process.exit(0)

async function discover(algorithm) {
    const issuer = new URL(scene.issuer)
    const answer = await oauth.discoveryRequest(issuer, { algorithm, ...http })
    return oauth.processDiscoveryResponse(issuer, answer)
}

// Sends the person to a URL and returns the validated parameters of the callback.
async function authorize(client, parameters, state) {
    const url = new URL(as.authorization_endpoint)
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    console.log(`AUTHORIZE ${url.href}`)
    const { value } = await lines.next()
    const callback = new URL(value)
    assert.equal(callback.searchParams.get("iss"), scene.issuer)
    return oauth.validateAuthResponse(as, client, callback, state)
}

async function pkce() {
    const verifier = oauth.generateRandomCodeVerifier()
    return { verifier, challenge: await oauth.calculatePKCECodeChallenge(verifier) }
}

// PAR, code with PKCE, ID token, userinfo, refresh, introspection, revocation.
async function signIn() {
    const { verifier, challenge } = await pkce()
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
    const pushed = await oauth.processPushedAuthorizationResponse(as, app,
        await oauth.pushedAuthorizationRequest(as, app, appAuth, {
            response_type: "code", redirect_uri: scene.callback, scope: "openid email offline_access",
            code_challenge: challenge, code_challenge_method: "S256", state, nonce,
        }, http))
    const request = { client_id: app.client_id, request_uri: pushed.request_uri }
    const callback = await authorize(app, request, state)
    const answer = await oauth.authorizationCodeGrantRequest(
        as, app, appAuth, callback, scene.callback, verifier, http)
    const tokens = await oauth.processAuthorizationCodeResponse(
        as, app, answer, { expectedNonce: nonce, requireIdToken: true })
    await oauth.validateApplicationLevelSignature(as, answer, http)
    const claims = oauth.getValidatedIdTokenClaims(tokens)
    const info = await oauth.processUserInfoResponse(as, app, claims.sub,
        await oauth.userInfoRequest(as, app, tokens.access_token, http))
    found.email = info.email
    assert.equal((await validated(tokens.access_token, scene.issuer)).sub, claims.sub)

    const again = await oauth.refreshTokenGrantRequest(as, app, appAuth, tokens.refresh_token, http)
    const fresh = await oauth.processRefreshTokenResponse(as, app, again)
    await oauth.validateApplicationLevelSignature(as, again, http)
    assert.equal(oauth.getValidatedIdTokenClaims(fresh).sub, claims.sub)

    assert.equal((await introspect(app, appAuth, fresh.access_token)).sub, claims.sub)
    await revoke(app, appAuth, tokens.refresh_token)
    assert.deepEqual(await introspect(app, appAuth, fresh.access_token), { active: false })
    await assert.rejects(
        async () => oauth.processRefreshTokenResponse(as, app,
            await oauth.refreshTokenGrantRequest(as, app, appAuth, tokens.refresh_token, http)),
        (error) => error.error === "invalid_grant" && error.status === 400)
}

// A client without a secret: its refresh token rotates.
async function publicClient() {
    const client = { client_id: scene.own.id }
    const { verifier, challenge } = await pkce()
    const state = oauth.generateRandomState()
    const callback = await authorize(client, {
        client_id: client.client_id, response_type: "code", redirect_uri: scene.callback,
        scope: "openid docs:read", resource: scene.resource, code_challenge: challenge,
        code_challenge_method: "S256", state,
    }, state)
    const tokens = await oauth.processAuthorizationCodeResponse(as, client,
        await oauth.authorizationCodeGrantRequest(
            as, client, oauth.None(), callback, scene.callback, verifier, http),
        { requireIdToken: true })
    const claims = await validated(tokens.access_token, scene.resource)
    assert.equal(claims.act, undefined)
    const fresh = await oauth.processRefreshTokenResponse(as, client,
        await oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token, http))
    assert.notEqual(fresh.refresh_token, tokens.refresh_token)
}

async function clientCredentials() {
    const tokens = await oauth.processClientCredentialsResponse(as, agent,
        await oauth.clientCredentialsGrantRequest(as, agent, agentAuth, {}, http))
    const claims = await validated(tokens.access_token, scene.issuer)
    assert.equal(claims.sub, scene.agent.agent)
    assert.equal(claims.client_id, agent.client_id)
    return tokens.access_token
}

// RFC 8693: what Ada lets the agent do, as a token for the documents server alone.
async function exchange(actor) {
    const { verifier, challenge } = await pkce()
    const state = oauth.generateRandomState()
    const callback = await authorize(agent, {
        client_id: agent.client_id, response_type: "code", redirect_uri: scene.callback,
        scope: "docs:read docs:write", code_challenge: challenge, code_challenge_method: "S256", state,
    }, state)
    const subject = await oauth.processAuthorizationCodeResponse(as, agent,
        await oauth.authorizationCodeGrantRequest(
            as, agent, agentAuth, callback, scene.callback, verifier, http))
    const type = "urn:ietf:params:oauth:token-type:access_token"
    const parameters = {
        subject_token: subject.access_token, subject_token_type: type,
        actor_token: actor, actor_token_type: type, resource: scene.resource, scope: "docs:read",
    }
    const request = (changes) => oauth.genericTokenEndpointRequest(as, agent, agentAuth,
        "urn:ietf:params:oauth:grant-type:token-exchange", { ...parameters, ...changes }, http)
    const tokens = await oauth.processGenericTokenEndpointResponse(as, agent, await request({}))
    assert.equal(tokens.issued_token_type, type)
    assert.equal(tokens.refresh_token, undefined)
    const claims = await validated(tokens.access_token, scene.resource)
    assert.deepEqual(claims.act, { sub: scene.agent.agent })
    assert.equal(claims.scope, "docs:read")
    found.grant_id = tokens.grant_id
    const seen = await introspect(docs, docsAuth, tokens.access_token)
    assert.deepEqual(seen.act, claims.act)
    assert.deepEqual(seen.authorization_details[0].objects, ["folder:plans"])
    await assert.rejects(
        async () => oauth.processGenericTokenEndpointResponse(as, agent,
            await request({ resource: "https://unknown.example" })),
        (error) => error.error === "invalid_target")
    await revoke(agent, agentAuth, tokens.access_token)
    assert.deepEqual(await introspect(docs, docsAuth, tokens.access_token), { active: false })
}

async function privateKeyJwt() {
    const client = { client_id: scene.keyed.id }
    const key = await crypto.subtle.importKey(
        "jwk", scene.key, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"])
    const auth = oauth.PrivateKeyJwt({ key, kid: scene.key.kid })
    const tokens = await oauth.processClientCredentialsResponse(as, client,
        await oauth.clientCredentialsGrantRequest(
            as, client, auth, { resource: scene.resource, scope: "docs:read" }, http))
    assert.equal((await validated(tokens.access_token, scene.resource)).sub, scene.agent.agent)
    assert.equal((await introspect(client, auth, tokens.access_token)).active, true)
    await revoke(client, auth, tokens.access_token)
}

// RFC 9068 as a resource server checks it.
function validated(token, audience) {
    const headers = { authorization: `Bearer ${token}` }
    return oauth.validateJwtAccessToken(as, new Request(audience, { headers }), audience, http)
}

async function introspect(client, auth, token) {
    const answer = await oauth.introspectionRequest(as, client, auth, token, http)
    return oauth.processIntrospectionResponse(as, client, answer)
}

async function revoke(client, auth, token) {
    const answer = await oauth.revocationRequest(as, client, auth, token, http)
    await oauth.processRevocationResponse(answer)
}
