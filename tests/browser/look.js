// What has to be right on every page, and a picture of it for whoever wants to see for themselves.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { LAYOUT } from './layout.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const screenshots = fileURLToPath(new URL('../../target/screenshots/', import.meta.url));

/** All of axe's rules but those of level AAA, which no page can keep as a whole. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice', 'experimental'];

/** What axe finds, one line for each element. */
async function inaccessible(page) {
  await page.evaluate(axe);
  const violations = await page.evaluate(
    async (values) => {
      const options = { runOnly: { type: 'tag', values }, resultTypes: ['violations'] };
      return (await window.axe.run(options)).violations;
    },
    RULES,
  );
  return violations.flatMap(({ id, impact, help, nodes }) =>
    nodes.map(({ target, html }) => `${id} (${impact}): ${help}: ${target} ${html.slice(0, 120)}`),
  );
}

const CHECKS = { ...LAYOUT, axe: inaccessible };

/** What is wrong with the page, in words. Of `except` nothing is said. */
export async function problemsOf(page, { except = [] } = {}) {
  const checks = Object.entries(CHECKS).filter(([name]) => !except.includes(name));
  const found = [];
  // In turn: each is about the page as the one before left it.
  for (const [name, check] of checks) {
    found.push(...(await check(page)).map((problem) => `${name}: ${problem}`));
  }
  return found;
}

/**
 * Looks at the page as a whole. What is wrong fails the test at its end, so that one run tells of
 * every page. `except` names checks that cannot hold here: axe needs scripts in the page.
 */
export async function look(page, name, options) {
  const { file, project } = test.info();
  const picture = `${basename(file, '.test.js')}-${name}`;
  await test.step(`look at ${picture}`, async () => {
    // Its heading may be there before its style sheet.
    await page.waitForLoadState('load');
    const problems = await problemsOf(page, options);
    expect.soft(problems, `${picture} at ${new URL(page.url()).pathname}`).toEqual([]);
    await page.screenshot({
      path: `${screenshots}${project.name}/${picture}.png`,
      fullPage: true,
      caret: 'initial',
    });
  });
}
