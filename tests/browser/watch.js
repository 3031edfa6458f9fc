// What is wrong on any page of a browser, without a test asking for it: errors of scripts, what the
// content security policy refuses, headers, cookies.

/** On every answer of both sites, files and redirects included. */
const HEADERS = {
  'cache-control': /^no-store$/,
  'referrer-policy': /^(same-origin|no-referrer)$/,
  'x-content-type-options': /^nosniff$/,
  'cross-origin-opener-policy': /^same-origin$/,
};
/** Nothing comes from elsewhere, nothing goes there, and nothing that was written into a page runs. */
const POLICY = ["default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"];
const COOKIE = ['HttpOnly', 'Secure', 'SameSite=Lax', 'Path=/'];

function wrongHeaders(all) {
  const header = (name) => all.find((one) => one.name.toLowerCase() === name)?.value ?? 'missing';
  const problems = Object.entries(HEADERS)
    .filter(([name, right]) => !right.test(header(name)))
    .map(([name]) => `${name} is ${header(name)}`);

  const policy = header('content-security-policy');
  const directives = policy.split(';').map((one) => one.trim());
  const lax = /unsafe-|\*|data:|https?:/.test(policy);
  if (lax || POLICY.some((directive) => !directives.includes(directive))) {
    problems.push(`the content security policy is ${policy}`);
  }
  return problems;
}

function wrongCookies(all) {
  const cookies = all.filter(({ name }) => name.toLowerCase() === 'set-cookie');
  return cookies.flatMap(({ value }) => {
    const [pair, ...attributes] = value.split(';').map((one) => one.trim());
    const name = pair.slice(0, pair.indexOf('='));
    const missing = COOKIE.filter((one) => !attributes.includes(one));
    const right = name.startsWith('__Host-') && missing.length === 0;
    return right ? [] : [`cookie ${name}: ${attributes.join('; ')}`];
  });
}

/** Watches every page of `context`, also those that come later. */
export function watch(context, { portal, console: administration }) {
  const problems = [];
  const logged = [];
  const refusedPages = new Set();
  const answers = [];

  context.on('weberror', (error) => problems.push(`a script failed: ${error.error()}`));
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) {
      logged.push({ text: message.text(), url: message.location().url });
    }
  });
  context.on('response', (response) => {
    if (![portal, administration].includes(new URL(response.url()).origin)) return;
    const wanted = response.request().isNavigationRequest();
    if (wanted && response.status() >= 400) refusedPages.add(response.url());
    const where = `${response.status()} of ${response.request().method()} ${new URL(response.url()).pathname}`;
    const judged = response.headersArray().then((all) => {
      const found = [...wrongHeaders(all), ...wrongCookies(all)];
      problems.push(...found.map((one) => `${where}: ${one}`));
    });
    // A page that is closed takes along what was on its way to it.
    const unlessClosed = (error) => /has been closed/.test(error.message) || problems.push(`${where}: ${error}`);
    answers.push(judged.catch(unlessClosed));
  });

  return {
    /** What was wrong, once each. */
    async problems() {
      await Promise.all(answers);
      // Chromium also reports a page that says, as it should, that something did not succeed.
      const expected = ({ text, url }) => text.startsWith('Failed to load resource') && refusedPages.has(url);
      const unexpected = logged.filter((one) => !expected(one)).map(({ text, url }) => `${text} (${url})`);
      return [...new Set([...problems, ...unexpected])];
    },
  };
}
