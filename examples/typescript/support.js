// The example in front of a gatehouse, a browser at it, and a gatehouse that goes away and comes back.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { createApp } from './dist/src/portal.js';
import { COOKIES } from './dist/src/session.js';

/** A portal on a free port; gives where it listens. The address of a customer is the proxy's word. */
async function serve(auth) {
  const server = createApp(auth, 'loopback').listen(0, '127.0.0.1');
  after(() => server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

/** A browser with a cookie jar, behind a proxy that says where it is. */
export class Browser {
  static async at(auth, tokens = {}) {
    const browser = new Browser();
    browser.origin = await serve(auth);
    browser.cookies = new Map(Object.entries(tokens).map(([kind, token]) => [COOKIES[kind], token]));
    return browser;
  }

  async fetch(path, { body, headers = {}, method = 'GET' } = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(`${this.origin}/api${path}`, {
      method,
      redirect: 'manual',
      headers: {
        cookie,
        'x-forwarded-for': '203.0.113.7',
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const given = answer.headers.getSetCookie();
    for (const [, name, value] of given.map((line) => line.match(/^([^=]+)=([^;]*)/))) {
      if (value) this.cookies.set(name, value);
      else this.cookies.delete(name);
    }
    const { status, headers: told } = answer;
    return { status, given, text, headers: told, json: () => JSON.parse(text) };
  }

  get(path, headers = {}) {
    return this.fetch(path, { headers });
  }

  post(path, body = {}, headers = {}) {
    return this.fetch(path, { method: 'POST', body, headers });
  }
}

/** Sixteen customers that ask again and again, until `meanwhile` has ended; gives what they are
 *  answered. `meanwhile` can wait for so many more answers. */
export async function crowd(auth, session, meanwhile) {
  const browser = await Browser.at(auth, { session });
  const statuses = [];
  let over = false;
  let wake = () => {};
  const ask = async () => {
    while (!over) {
      statuses.push((await browser.get('/invoices')).status);
      wake();
    }
  };
  const asking = Array.from({ length: 16 }, ask);
  const more = async (count) => {
    const enough = statuses.length + count;
    while (statuses.length < enough) await new Promise((resolve) => (wake = resolve));
  };
  try {
    await meanwhile(more);
  } finally {
    over = true;
    await Promise.all(asking);
  }
  return new Set(statuses);
}

/** A gatehouse of the test's own, whose folder and address outlive its processes. */
export class Server {
  static async start(settings = {}) {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), 'gatehouse-'));
    server.environment = {
      ...process.env,
      GATEHOUSE_DATA_DIR: join(server.folder, 'data'),
      GATEHOUSE_LISTEN: '127.0.0.1:0',
      ...settings,
    };
    await server.#spawn();
    server.environment.GATEHOUSE_LISTEN = server.address;
    return server;
  }

  async #spawn() {
    const options = { env: this.environment, stdio: ['ignore', 'ignore', 'pipe'] };
    this.process = spawn('gatehouse', ['serve'], options);
    const lines = createInterface({ input: this.process.stderr });
    const listening = new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        const found = line.match(/listening address="?([0-9.]+:[0-9]+)/);
        if (found) resolve(found[1]);
      });
      lines.on('close', () => reject(new Error('gatehouse does not listen')));
    });
    this.address = await listening;
  }

  async restart(signal) {
    await this.#end(signal);
    await this.#spawn();
  }

  async stop() {
    await this.#end('SIGTERM');
    rmSync(this.folder, { recursive: true });
  }

  async #end(signal) {
    const ended = once(this.process, 'exit');
    this.process.kill(signal);
    await ended;
  }

  ownerKey() {
    const options = { env: this.environment, encoding: 'utf8' };
    return execFileSync('gatehouse', ['create-owner-key'], options).trim();
  }
}
