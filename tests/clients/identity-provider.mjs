// A certified OpenID provider, which signs in every user who enters a name. Its only argument is the URL of the server.
// It prints its own URL, and ends with its standard input.
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const server = process.argv[2].replace(/\/$/, '');
const callback = `${server}/api/v1/auth/oidc/sso`;

const listener = createServer();
await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${listener.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'webchat',
      client_secret: 'client-secret-of-the-certified-provider',
      redirect_uris: [`${callback}/callback`],
      post_logout_redirect_uris: [`${server}/`],
      backchannel_logout_uri: `${callback}/backchannel-logout`,
      backchannel_logout_session_required: true,
    },
  ],
  claims: {
    email: ['email', 'email_verified'],
    openid: ['sub'],
    profile: ['name', 'preferred_username', 'groups'],
  },
  cookies: { keys: ['a key for the cookies of the provider'] },
  // The library's dispatcher refuses the addresses of this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: `${id} of the provider`,
      preferred_username: id,
      email: `${id}@example.org`,
      email_verified: true,
      groups: id === 'admin' ? ['admins'] : ['staff'],
    }),
  }),
});
provider.on('backchannel.error', (_, error) => console.error(error));
listener.on('request', provider.callback());
console.log(issuer);
process.stdin.resume().on('end', () => process.exit());
