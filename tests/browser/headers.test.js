// What browsers are told beside the pages, and requests that other sites forge. That every answer has
// its headers is watched in all tests.

import { createServer, get } from 'node:http';
import { expect, test } from './fixtures.js';
import { look } from './look.js';
import { arrive, press } from './pages.js';
import { atHome, enterEmail, enterPassword, signIn, signOut } from './portal.js';

/** A page of somebody else's, with a form for whoever comes by. */
async function evilSite(host, action) {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><html lang="en"><title>Win a prize</title><link rel="icon" href="data:,">
      <main><h1>Win a prize</h1><form method="post" action="${action}"><button>Win</button></form></main></html>`);
  });
  await new Promise((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://${host}:${server.address().port}`, close };
}

// Another host is another site; another port of the same host is the same site, whose forms bring the
// cookies along.
for (const host of ['127.0.0.1', 'localhost']) {
  test(`a form of another origin at ${host} is refused`, async ({ page, olga, demo }) => {
    await signIn(page, demo.ana);
    const victims = [
      [page, `${demo.portal}/sign-out`, 'forged'],
      [olga, `${demo.console}/sign-out`, 'forged-console'],
    ];
    for (const [victim, action, name] of victims) {
      const evil = await evilSite(host, action);
      await victim.goto(evil.url);
      const answer = await press(victim, 'Win');
      evil.close();
      expect(answer.status()).toBe(403);
      await arrive(victim, 'This request came from another site');
      if (host === 'localhost') await look(victim, name);
    }
    await page.goto(demo.portal);
    await atHome(page);
    await olga.goto(demo.console);
    await arrive(olga, 'Customers');
  });
}

test('old browsers tell of another origin by its name alone', async ({ playwright, demo }) => {
  for (const site of [demo.portal, demo.console]) {
    const post = async (headers) => {
      const context = await playwright.request.newContext();
      const form = { email: 'ana@example.com', password: 'x' };
      const answer = await context.post(`${site}/sign-in`, { form, headers, maxRedirects: 0 });
      await context.dispose();
      return answer.status();
    };
    expect(await post({ origin: 'https://evil.example' })).toBe(403);
    expect(await post({ origin: 'null' })).toBe(403);
    expect(await post({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await post({ 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(await post({ origin: site })).not.toBe(403);
  }
});

test('cookies hold the least, and go when one signs out', async ({ page, context, demo: { ana } }) => {
  const names = async () => (await context.cookies()).map(({ name }) => name).sort();
  await enterEmail(page, ana.email);
  expect(await names()).toEqual(['__Host-sign-in']);
  await enterPassword(page, ana.password);
  await atHome(page);
  expect(await names()).toEqual(['__Host-session']);
  for (const cookie of await context.cookies()) {
    expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax', path: '/', expires: -1 });
  }
  await signOut(page);
  expect(await names()).toEqual([]);
});

test('a session token that is none signs nobody in', async ({ page, context, demo }) => {
  for (const value of ['x', 'ghs_', `ghs_${'A'.repeat(43)}`]) {
    await context.clearCookies();
    await context.addCookies([
      { name: '__Host-session', value, domain: 'localhost', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' },
    ]);
    await page.goto('/account');
    await arrive(page, 'Sign in');
  }
  await context.addCookies([
    { name: '__Host-console', value: 'x', domain: 'localhost', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' },
  ]);
  await page.goto(`${demo.console}/customers`);
  await arrive(page, "Administrator's console");
});

test('a form that is not one of its own is answered with a page', async ({ page }) => {
  await page.goto('/sign-in');
  await page.getByLabel('Email address').evaluate((field) => field.remove());
  const answer = await press(page, 'Next');
  expect(answer.status()).toBe(422);
  await arrive(page, 'That did not work');
  await look(page, 'no-form');
});

test('a name of somebody else that leads here is not answered', async ({ demo }) => {
  for (const site of [demo.portal, demo.console]) {
    const { port } = new URL(site);
    const status = await new Promise((resolve, reject) => {
      const headers = { host: `evil.example:${port}` };
      get({ port, host: '127.0.0.1', headers }, (answer) => resolve(answer.resume().statusCode)).on('error', reject);
    });
    expect(status).toBe(421);
  }
});

test('an address of a form that was sent leads to a page', async ({ page, demo: { ana } }) => {
  await signIn(page, ana);
  // Somebody presses Enter in the address bar, or takes the address along.
  for (const path of ['/sign-out', '/sign-in/password', '/sign-in/cancel', '/sign-in/enrollment/verify']) {
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1 }), path).toBeVisible();
  }
  await page.goto('/');
  await atHome(page);
});
