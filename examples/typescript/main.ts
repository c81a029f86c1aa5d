// A recipe server in TypeScript, on the MCP SDK for servers: its tokens are Mandate's, its decisions too.
//
// The SDK makes the challenges (401 with resource_metadata, 403 with all scopes of the tool); jose
// checks the signature; Mandate is asked online before a tool runs. Node 22 runs this file as it is.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
    type AuthInfo,
    createMcpHandler,
    fromJsonSchema,
    getOAuthProtectedResourceMetadataUrl,
    hostHeaderValidationResponse,
    McpServer,
    OAuthError,
    OAuthErrorCode,
    originValidationResponse,
    requireBearerAuth,
    requireScopes,
} from '@modelcontextprotocol/server'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

const setting = (name: string): string => {
    const value = process.env[`RECIPES_${name}`]
    if (!value) throw new Error(`recipes: not started, RECIPES_${name} is missing`)
    return value
}
const issuer = setting('ISSUER')
const resource = new URL(setting('RESOURCE'))
const basic = [setting('CLIENT_ID'), setting('CLIENT_SECRET')].map(encodeURIComponent).join(':')
const SCOPES = ['recipes:read', 'recipes:write']
const RECIPES: Record<string, string> = { '1': 'Onion soup: onions, patience.', '2': 'The secret sauce.' }

// ------------------------------------------------------------------ which tokens are believed

const found = await fetch(wellKnown(issuer)).then((answer) => answer.json())
// RFC 8414 §3.3: identical, else another server speaks for the issuer.
if (found.issuer !== issuer) throw new Error('recipes: the metadata names another issuer')
const keys = createRemoteJWKSet(new URL(found.jwks_uri))

const verifier = {
    async verifyAccessToken(token: string): Promise<AuthInfo> {
        const claims = await jwtVerify(token, keys, {
            issuer,
            audience: resource.href,
            typ: 'at+jwt', // RFC 9068 §4: an ID token is no access token
            algorithms: ['ES256', 'EdDSA', 'RS256'],
            requiredClaims: ['sub', 'client_id', 'jti', 'exp'],
        }).then((verified) => verified.payload, (error) => {
            // Keys that cannot be fetched are our trouble, and no fault of the token.
            if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) throw error
            throw invalid('the token is not good here')
        })
        // For us alone (RFC 8707); a ticket between agents (`may_act`) is not for calls; a binding to
        // a key (`cnf`) that is not checked here must not be ignored.
        if (typeof claims.aud !== 'string' || 'may_act' in claims || 'cnf' in claims) {
            throw invalid('this kind of token is not for calls')
        }
        return {
            token,
            clientId: String(claims.client_id),
            scopes: String(claims.scope ?? '').split(' ').filter(Boolean),
            expiresAt: claims.exp,
            resource: new URL(claims.aud), // the gate compares it with ours once more
            extra: { sub: claims.sub },
        }
    },
}
const invalid = (text: string) => new OAuthError(OAuthErrorCode.InvalidToken, text)

const gate = requireBearerAuth({
    verifier,
    expectedResource: resource,
    resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
})

// ------------------------------------------------------- what Mandate decides, at each call

// One question: is the token still good, the delegation alive, the object within all that was
// granted? Anything but a clear yes to this question is a no.
async function refusal(auth: AuthInfo, tool: string, scope: string, relation: string, id: string) {
    const question = {
        subject: { type: 'access_token', id: auth.token },
        action: { name: scope, properties: { tool, relation, principal: 'delegated' } },
        resource: { type: 'recipe', id },
    }
    try {
        const answer = await fetch(`${issuer}/access/v1/evaluation`, {
            method: 'POST',
            redirect: 'error',
            signal: AbortSignal.timeout(5000),
            headers: {
                'content-type': 'application/json',
                authorization: `Basic ${Buffer.from(basic).toString('base64')}`,
            },
            body: JSON.stringify(question),
        })
        if (answer.status !== 200) return 'checker_unavailable'
        const { decision, context } = await answer.json()
        const decided = (context?.objects ?? []).some(
            (each: any) => each.type === 'recipe' && each.id === id && each.decision === true,
        )
        if (decision === true && context.sub === auth.extra?.sub && decided) return undefined
        // One word for every reason about an object, so that probing ids learns nothing.
        const aboutObjects = ['user_relation', 'consent_object', 'ceiling_object']
        return aboutObjects.includes(context?.reason) ? 'object_denied' : (context?.reason ?? 'denied')
    } catch {
        return 'checker_unavailable'
    }
}

// ----------------------------------------------------------------------------- the tools

const input = fromJsonSchema<{ number: string }>({
    type: 'object',
    properties: { number: { type: 'string', pattern: '^[0-9]{1,6}$' } },
    required: ['number'],
    additionalProperties: false,
})

function recipes(): McpServer {
    const server = new McpServer({ name: 'recipes', version: '1.0.0' })
    const tool = (name: string, scope: string, relation: string, run: (number: string) => string) =>
        server.registerTool(
            name,
            { description: `${name} of a recipe`, inputSchema: input, scopeChallenge: requireScopes(scope) },
            async ({ number }, ctx) => {
                const auth = ctx.http?.authInfo
                const reason = auth ? await refusal(auth, name, scope, relation, number) : 'token_invalid'
                // A denial is a tool result, not a 403: that would make clients step up in circles.
                const text = reason ? `${reason}: the call was not allowed` : run(number)
                return { content: [{ type: 'text', text }], isError: reason !== undefined }
            },
        )
    tool('read_recipe', 'recipes:read', 'viewer', (number) => RECIPES[number] ?? '')
    tool('burn_recipe', 'recipes:write', 'editor', (number) => `burnt: ${RECIPES[number]}`)
    return server
}

// ------------------------------------------------------------------------------ the server

const handler = createMcpHandler(recipes)

async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const named = new URL(getOAuthProtectedResourceMetadataUrl(resource)).pathname
    const metadata = { resource: resource.href, authorization_servers: [issuer], scopes_supported: SCOPES }
    if (request.method === 'GET' && url.pathname === named) return Response.json(metadata)
    if (url.pathname !== resource.pathname) return new Response('not found', { status: 404 })
    const rejected =
        hostHeaderValidationResponse(request, [resource.hostname]) ??
        originValidationResponse(request, [resource.hostname])
    if (rejected) return rejected
    // RFC 6750 §2: the header alone; a token in a URL ends in logs.
    if (url.searchParams.has('access_token')) return new Response('no token in the query', { status: 400 })
    const auth = await gate(request)
    return auth instanceof Response ? auth : handler.fetch(request, { authInfo: auth })
}

async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of incoming) {
        size += chunk.length
        if (size > 1024 * 1024) return void outgoing.writeHead(413, { connection: 'close' }).end()
        chunks.push(chunk)
    }
    const headers = new Headers()
    for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
        headers.append(incoming.rawHeaders[i], incoming.rawHeaders[i + 1])
    }
    const withBody = !['GET', 'HEAD'].includes(incoming.method ?? '')
    const response = await answer(
        new Request(new URL(incoming.url ?? '/', resource), {
            method: incoming.method, headers, body: withBody ? Buffer.concat(chunks) : undefined,
        }),
    )
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    for await (const chunk of response.body ?? []) outgoing.write(chunk)
    outgoing.end()
}

function wellKnown(from: string): URL {
    const url = new URL(from)
    return new URL(`/.well-known/oauth-authorization-server${url.pathname.replace(/\/$/, '')}`, url)
}

createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => {
        if (!outgoing.headersSent) outgoing.writeHead(503)
        outgoing.end()
    })
}).listen(Number(resource.port), '127.0.0.1', () => console.log('recipes: ready'))
