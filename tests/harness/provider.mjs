// npm's oidc-provider (OpenID certified) as one department's identity provider: `node provider.mjs PORT CLIENT SECRET REDIRECT`.
// Everyone may sign in with any password; the login `maple` is Maple Example.
import Provider from 'oidc-provider';

const [port, clientId, clientSecret, redirectUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  // As many providers do; by the letter of the specification these claims come from the userinfo endpoint only.
  conformIdTokenClaims: process.env.CLAIMS_FROM_USERINFO === '1',
  findAccount: (_, login) => ({
    accountId: login,
    claims: () => ({
      sub: login,
      name: `${login[0].toUpperCase()}${login.slice(1)} Example`,
      email: `${login}@department.example`,
      email_verified: true,
    }),
  }),
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ['for-tests-only'] },
  pkce: { required: () => true },
  ttl: { Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 600, IdToken: 600 },
});
// Its development pages would load a font from elsewhere; the tests need the forms only.
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
