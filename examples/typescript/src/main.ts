// AUTH_ADDRESS and AUTH_KEY_FILE say where gatehouse is and by which key, AUTH_CA_FILE whose
// certificates it is known by, PORT where to listen on loopback, behind the proxy that brings TLS.

import { keyFile, portalAuthService } from './gatehouse.js';
import { createApp } from './portal.js';

const { AUTH_ADDRESS, AUTH_KEY_FILE, AUTH_CA_FILE, PORT = '3000' } = process.env;
if (!AUTH_ADDRESS || !AUTH_KEY_FILE) {
  throw new Error('AUTH_ADDRESS and AUTH_KEY_FILE are needed');
}
const auth = portalAuthService(AUTH_ADDRESS, keyFile(AUTH_KEY_FILE), AUTH_CA_FILE);
// Fails at once where the key is not good.
await auth.getOwnPortal({});
const server = createApp(auth, 'loopback').listen(Number(PORT), '127.0.0.1', () => {
  console.log('listening', server.address());
});
