// An application with a person before it, on an SDK of npm: code flow with PKCE and step-up. The
// settings are a JSON document in the environment (CALLS). It prints `AUTHORIZE <url>` where the
// person is needed and reads the callback's address from standard input; the last line is what the
// tools said, as JSON.
import { createInterface } from "node:readline"

const given = JSON.parse(process.env.CALLS)
const { Client, StreamableHTTPClientTransport, UnauthorizedError } = given.sdk === "client"
    ? await import("@modelcontextprotocol/client") : {
        ...await import("@modelcontextprotocol/sdk/client/index.js"),
        ...await import("@modelcontextprotocol/sdk/client/streamableHttp.js"),
        ...await import("@modelcontextprotocol/sdk/client/auth.js"),
    }

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
let callback, verifier, tokens
const scopes = []

const provider = {
    redirectUrl: given.redirect,
    clientMetadata: { redirect_uris: [given.redirect], client_name: "interop", scope: given.scope },
    clientInformation: () => ({ client_id: given.clientId, issuer: given.issuer }),
    tokens: () => tokens,
    saveTokens: (found) => { tokens = found; scopes.push(found.scope) },
    saveCodeVerifier: (value) => { verifier = value },
    codeVerifier: () => verifier,
    state: () => "kept-by-the-application",
    redirectToAuthorization: async (url) => {
        console.log(`AUTHORIZE ${url.href}`)
        callback = new URL((await lines.next()).value).searchParams
        if (callback.get("state") !== "kept-by-the-application") throw new Error("another state")
    },
}

const open = () => new StreamableHTTPClientTransport(new URL(given.url), { authProvider: provider })
const came = (transport) => given.sdk === "client"
    ? transport.finishAuth(callback) : transport.finishAuth(callback.get("code"))

const client = new Client({ name: "interop", version: "1.0.0" })
let transport = open()
try {
    await client.connect(transport)
} catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error
    await came(transport)
    transport = open()
    await client.connect(transport)
}
const answers = []
for (const [name, args] of given.calls) {
    const call = () => client.callTool({ name, arguments: args })
    const answer = await call().catch(async (error) => {
        if (!(error instanceof UnauthorizedError)) return { error: String(error) }
        await came(transport)
        return call().catch((again) => ({ error: String(again) }))
    })
    answers.push(answer.error ?? answer.content[0].text)
}
console.log(JSON.stringify({ answers, scopes }))
process.exit(0)
