// Every check of look.js finds what it is for, and nothing on a page that is as it should be.

import { createServer } from 'node:http';
import { expect, test } from '@playwright/test';
import { problemsOf } from './look.js';

const STYLE = `
  :root { --text: #1c1e21; --back: #fff; --line: #767a80; --link: #0b57d0; --size: 16px; --large: 24px; --sans: sans-serif; --gap: 16px }
  * { margin: 0; padding: 0; box-sizing: border-box }
  html { color: var(--text); background: var(--back); font: var(--size) var(--sans) }
  body { padding: var(--gap) }
  h1, h2 { font-size: var(--large) }
  button, input { font: inherit; color: inherit; min-height: 32px; min-width: 32px; background: var(--back); border: 1px solid var(--line) }
  a { color: var(--link) }
  form { display: grid; gap: var(--gap); max-width: 320px }
  .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden }
`;

const page = (main, { style = '', head = '' } = {}) => `<!doctype html>
  <html lang="en">
    <head>
      <title>A page</title>
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <link rel="icon" href="data:,">
      <link rel="stylesheet" href="/style.css?${encodeURIComponent(style)}">
      ${head}
    </head>
    <body><main><h1>A page</h1>${main}</main></body>
  </html>`;

const GOOD = `
  <form><label for="email">Email address</label><input id="email" type="email"><button>Next</button></form>
  <p>Read <a href="/more">more</a> in this sentence.</p>
  <span class="unseen">for screen readers</span>`;

const TOKEN = `ghs_${'a'.repeat(43)}`;

/** What is wrong with each, by the check that is to see it. */
const BAD = {
  'tooWide: scrolls sideways': page('<p>wide</p>', { style: 'p { width: 2000px }' }),
  'cutOff: <p> "A long': page('<p>A long word is cut off</p>', {
    style: 'p { width: 60px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }',
  }),
  'cutOff: <p> "Lines': page('<p>Lines<br>and<br>lines</p>', { style: 'p { height: 30px; overflow: hidden }' }),
  'cutOff: <p> "Off the edge" is cut off by the screen': page('<p>Off the edge</p>', {
    style: 'p { position: absolute; left: -30px }',
  }),
  'overlaps: <button> "One" overlaps <button> "Two"': page('<button>One</button><button>Two</button>', {
    style: 'button + button { margin-left: -20px }',
  }),
  'tooSmall: <button> "x" is only': page('<button>x</button>', { style: 'button { min-height: 0; height: 20px }' }),
  'offPalette: font-size 15px': page('<p>text</p>', { style: 'p { font-size: 15px }' }),
  'offPalette: font-family serif': page('<p>text</p>', { style: 'p { font-family: serif }' }),
  'offPalette: color rgb(0, 0, 1)': page('<p>text</p>', { style: 'p { color: #000001 }' }),
  'offPalette: background-color rgb(255, 255, 254)': page('<p>text</p>', { style: 'p { background: #fffffe }' }),
  'offPalette: border-top-color rgb(0, 0, 1)': page('<p>text</p>', { style: 'p { border: 1px solid #000001 }' }),
  'offPalette: padding-left 7px': page('<p>text</p>', { style: 'p { padding: 7px }' }),
  'offPalette: row-gap 7px': page('<p>text</p>', { style: 'p { display: grid; gap: 7px }' }),
  'inline: <p> "text" has a style': page('<p style="margin: 0">text</p>'),
  'inline: a <style>': page('<p>text</p>', { head: '<style>p { margin: 0 }</style>' }),
  'inline: a <script>': page('<p>text</p>', { head: '<script>1;</script>' }),
  'inline: <button> "One" has a handler': page('<button onclick="1">One</button>'),
  'secrets: a token stands in the page': page(`<p data-token="${TOKEN}">text</p>`),
  'secrets: a token stands in a field': page(`<input aria-label="Token" value="${TOKEN}">`),
  'secrets: a script can read a cookie': page('<p>text</p>', { head: '<meta name="cookie">' }),
  'axe: label (critical)': page('<input>'),
  'axe: color-contrast (serious)': page('<p>pale</p>', { style: 'p { color: #ccc }' }),
  'axe: landmark-one-main': page('').replaceAll('main>', 'div>'),
};

const server = createServer((request, response) => {
  const { pathname, search } = new URL(request.url, 'http://localhost');
  const key = decodeURIComponent(search.slice(1));
  if (pathname === '/style.css') {
    response.setHeader('content-type', 'text/css');
    return response.end(STYLE + key);
  }
  response.setHeader('content-type', 'text/html; charset=utf-8');
  if (key.endsWith('a cookie')) response.setHeader('set-cookie', 'seen=1');
  return response.end(BAD[key] ?? page(GOOD));
});
let origin;
test.beforeAll(async () => {
  await new Promise((listening) => {
    server.listen(0, 'localhost', listening);
  });
  origin = `http://localhost:${server.address().port}`;
});
test.afterAll(() => server.closeAllConnections());
test.afterAll(() => server.close());

test('finds nothing on a good page', async ({ page: tab }) => {
  await tab.goto(origin);
  expect(await problemsOf(tab)).toEqual([]);
  await tab.goto(`${origin}/#${TOKEN}`);
  expect(await problemsOf(tab)).toEqual(['secrets: a token stands in the URL']);
});

test('finds what is wrong on bad pages', async ({ page: tab }) => {
  for (const problem of Object.keys(BAD)) {
    await tab.goto(`${origin}/?${encodeURIComponent(problem)}`);
    expect.soft((await problemsOf(tab)).join('\n')).toContain(problem);
  }
});

test('looks at a page without scripts, but for axe, which is one', async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const tab = await context.newPage();
  await tab.goto(`${origin}/?${encodeURIComponent('tooWide: scrolls sideways')}`);
  expect((await problemsOf(tab, { except: ['axe'] })).join('\n')).toContain('tooWide');
  await context.close();
});
