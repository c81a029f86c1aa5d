// Drives Mandate with oauth4webapi, every token bound to a key (RFC 9449). The settings are a JSON
// document in the environment (SCENE). It prints `AUTHORIZE <url>` where a person is needed and
// reads the callback's address from standard input; the last line is what it found.
import assert from "node:assert/strict"
import { createInterface } from "node:readline"
import * as oauth from "oauth4webapi"

const scene = JSON.parse(process.env.SCENE)
const http = { [oauth.allowInsecureRequests]: true }
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const found = { nonces: 0, jkt: [] }

const issuer = new URL(scene.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, http))
assert.ok(as.dpop_signing_alg_values_supported.includes("ES256"))

for (const alg of ["ES256", "Ed25519", "RS256"]) {
    const keys = await oauth.generateKeyPair(alg)
    found.jkt.push(await signIn({ client_id: scene.own.id }, keys))
    await agent({ client_id: scene.agent.id }, oauth.ClientSecretBasic(scene.agent.secret), keys)
}
console.log(JSON.stringify(found))
process.exit(0)

// Sends a request again where the server wants its nonce, as the library asks for.
async function answered(send, read) {
    try {
        return await read(await send())
    } catch (error) {
        if (!oauth.isDPoPNonceError(error)) throw error
        found.nonces += 1
        return read(await send())
    }
}

// A public client: PAR with a proof, code, userinfo, refresh with the same key and with another.
async function signIn(client, keys) {
    const bound = { ...http, DPoP: oauth.DPoP(client, keys) }
    const verifier = oauth.generateRandomCodeVerifier()
    const state = oauth.generateRandomState()
    const none = oauth.None()
    const pushed = await answered(
        async () => oauth.pushedAuthorizationRequest(as, client, none, {
            response_type: "code", redirect_uri: scene.callback, scope: "openid offline_access",
            code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
            code_challenge_method: "S256", state,
        }, bound),
        (answer) => oauth.processPushedAuthorizationResponse(as, client, answer))
    const url = new URL(as.authorization_endpoint)
    url.searchParams.set("client_id", client.client_id)
    url.searchParams.set("request_uri", pushed.request_uri)
    console.log(`AUTHORIZE ${url.href}`)
    const callback = oauth.validateAuthResponse(
        as, client, new URL((await lines.next()).value), state)

    const other = { ...http, DPoP: oauth.DPoP(client, await oauth.generateKeyPair("ES256")) }
    const redeem = (options) => answered(
        () => oauth.authorizationCodeGrantRequest(
            as, client, none, callback, scene.callback, verifier, options),
        (answer) => oauth.processAuthorizationCodeResponse(as, client, answer))
    await assert.rejects(redeem(other), (error) => error.error === "invalid_grant")
    await assert.rejects(redeem(http), (error) => error.error === "invalid_grant")
    const tokens = await redeem(bound)
    assert.equal(tokens.token_type, "dpop")

    const sub = oauth.getValidatedIdTokenClaims(tokens).sub
    const info = await answered(
        () => oauth.userInfoRequest(as, client, tokens.access_token, bound),
        (answer) => oauth.processUserInfoResponse(as, client, sub, answer))
    assert.equal(info.sub, sub)
    await assert.rejects(
        async () => oauth.processUserInfoResponse(as, client, sub,
            await oauth.userInfoRequest(as, client, tokens.access_token, http)),
        oauth.WWWAuthenticateChallengeError)

    const refresh = (options) => answered(
        () => oauth.refreshTokenGrantRequest(as, client, none, tokens.refresh_token, options),
        (answer) => oauth.processRefreshTokenResponse(as, client, answer))
    await assert.rejects(refresh(other), (error) => error.error === "invalid_grant")
    await assert.rejects(refresh(http), (error) => error.error === "invalid_dpop_proof")
    assert.equal((await refresh(bound)).token_type, "dpop")
    return tokenKey(tokens.access_token)
}

// A confidential client as an agent: its own token, and the library as the resource server.
async function agent(client, auth, keys) {
    const bound = { ...http, DPoP: oauth.DPoP(client, keys) }
    const tokens = await answered(
        () => oauth.clientCredentialsGrantRequest(
            as, client, auth, { resource: scene.resource, scope: "docs:read" }, bound),
        (answer) => oauth.processClientCredentialsResponse(as, client, answer))
    assert.equal(tokens.token_type, "dpop")
    let sent
    const grab = async (url, init) => {
        sent = new Request(url, init)
        return new Response(null, { status: 204 })
    }
    await oauth.protectedResourceRequest(
        tokens.access_token, "GET", new URL(scene.resource), undefined, undefined,
        { ...bound, [oauth.customFetch]: grab })
    const claims = await oauth.validateJwtAccessToken(
        as, sent, scene.resource, { ...http, requireDPoP: true })
    assert.equal(claims.cnf.jkt, tokenKey(tokens.access_token))
    const docs = { client_id: scene.documents.id }
    const seen = await oauth.processIntrospectionResponse(as, docs,
        await oauth.introspectionRequest(
            as, docs, oauth.ClientSecretBasic(scene.documents.secret), tokens.access_token, http))
    assert.equal(seen.token_type, "DPoP")
    assert.deepEqual(seen.cnf, claims.cnf)
}

function tokenKey(token) {
    return JSON.parse(Buffer.from(token.split(".")[1], "base64url")).cnf.jkt
}
