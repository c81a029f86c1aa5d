// Calls tools of a protected MCP server with an SDK of npm and its own OAuth providers. The
// settings are a JSON document in the environment (CALLS): `sdk` is "client" (2.x) or "sdk" (1.x);
// with `token` it sends that and asks for none. The last line is a JSON list of what came back.
const given = JSON.parse(process.env.CALLS)
const { Client, StreamableHTTPClientTransport, ClientCredentialsProvider, PrivateKeyJwtProvider } =
    given.sdk === "client" ? await import("@modelcontextprotocol/client") : {
        ...await import("@modelcontextprotocol/sdk/client/index.js"),
        ...await import("@modelcontextprotocol/sdk/client/streamableHttp.js"),
        ...await import("@modelcontextprotocol/sdk/client/auth-extensions.js"),
    }

const asked = []
const watched = async (url, init) => {
    if (String(url).endsWith("/token")) asked.push(Object.fromEntries(new URLSearchParams(String(init.body))))
    return fetch(url, init)
}

function options() {
    if (given.token) return { requestInit: { headers: { Authorization: `Bearer ${given.token}` } } }
    const common = { clientId: given.clientId, expectedIssuer: given.issuer, scope: given.scope }
    const authProvider = given.secret
        ? new ClientCredentialsProvider({ ...common, clientSecret: given.secret })
        : new PrivateKeyJwtProvider({ ...common, privateKey: given.key, algorithm: "ES256", jwtLifetimeSeconds: 60 })
    return { authProvider, fetch: watched }
}

const answers = []
const client = new Client({ name: "interop", version: "1.0.0" }, given.newest ? { versionNegotiation: { mode: "auto" } } : {})
try {
    await client.connect(new StreamableHTTPClientTransport(new URL(given.url), options()))
    for (const [name, args] of given.calls) {
        const answer = await client.callTool({ name, arguments: args }).catch((error) => ({ error: String(error) }))
        answers.push(answer.error ?? answer.content[0].text)
    }
    await client.close()
} catch (error) {
    answers.push(String(error))
}
console.log(JSON.stringify({ answers, asked: asked.map(({ scope, resource }) => ({ scope, resource })) }))
process.exit(0)
