// GATEHOUSE_ADDRESS and GATEHOUSE_KEY_FILE say where gatehouse is and by which key, PORT where to
// listen on loopback, behind the proxy that brings TLS.

import { keyFile, portalAuthService } from './gatehouse.js';
import { createApp } from './portal.js';

const { GATEHOUSE_ADDRESS, GATEHOUSE_KEY_FILE, PORT = '3000' } = process.env;
if (!GATEHOUSE_ADDRESS || !GATEHOUSE_KEY_FILE) {
  throw new Error('GATEHOUSE_ADDRESS and GATEHOUSE_KEY_FILE are needed');
}
const auth = portalAuthService(GATEHOUSE_ADDRESS, keyFile(GATEHOUSE_KEY_FILE));
// Fails at once where the key is not good.
await auth.getOwnPortal({});
createApp(auth, 'loopback').listen(Number(PORT), '127.0.0.1');
