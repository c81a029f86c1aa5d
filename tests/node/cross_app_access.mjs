// The npm client performs both legs of enterprise-managed authorization with its own provider:
// an ID token becomes an identity assertion at the employer's server, and that a token at the
// resource's. The settings are a JSON document in the environment (SCENE). The last line is a JSON
// document of what came back.
import {
    Client, CrossAppAccessProvider, discoverAndRequestJwtAuthGrant, StreamableHTTPClientTransport,
} from "@modelcontextprotocol/client"

const scene = JSON.parse(process.env.SCENE)
const asserted = []
const authProvider = new CrossAppAccessProvider({
    clientId: scene.clientId,
    clientSecret: scene.clientSecret,
    expectedIssuer: scene.issuer,
    assertion: async ({ authorizationServerUrl, resourceUrl, scope, fetchFn }) => {
        const granted = await discoverAndRequestJwtAuthGrant({
            idpUrl: scene.idp,
            audience: authorizationServerUrl,
            resource: resourceUrl,
            idToken: scene.idToken,
            clientId: scene.idpClientId,
            clientSecret: scene.idpClientSecret,
            scope,
            fetchFn,
        })
        asserted.push({ audience: String(authorizationServerUrl), resource: String(resourceUrl), scope: granted.scope })
        return granted.jwtAuthGrant
    },
})
const client = new Client({ name: "interop", version: "1.0.0" })
await client.connect(new StreamableHTTPClientTransport(new URL(scene.url), { authProvider }))
const answer = await client.callTool({ name: "whoami", arguments: {} })
await client.close()
console.log(JSON.stringify({ asserted, told: JSON.parse(answer.content[0].text) }))
process.exit(0)
