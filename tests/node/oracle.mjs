// oidc-provider as a second opinion on bad requests: one confidential client, PKCE for everybody,
// pushed requests, introspection, revocation, resource indicators. Says `ready` when it serves.
// Settings come as JSON in the environment (ORACLE): port, client_id, client_secret, redirect_uri,
// resource.
import Provider, { errors } from "oidc-provider"

const given = JSON.parse(process.env.ORACLE)
const provider = new Provider(`http://127.0.0.1:${given.port}`, {
    clients: [{
        client_id: given.client_id,
        client_secret: given.client_secret,
        redirect_uris: [given.redirect_uri],
        response_types: ["code"],
        grant_types: ["authorization_code", "refresh_token", "client_credentials"],
        scope: "openid docs:read",
    }],
    scopes: ["openid", "offline_access", "docs:read"],
    pkce: { required: () => true },
    features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        introspection: { enabled: true },
        revocation: { enabled: true },
        resourceIndicators: {
            enabled: true,
            defaultResource: () => given.resource,
            getResourceServerInfo: (_, resource) => {
                if (resource !== given.resource) throw new errors.InvalidTarget()
                return { scope: "docs:read" }
            },
        },
    },
})
provider.listen(given.port, "127.0.0.1", () => console.log("ready"))
