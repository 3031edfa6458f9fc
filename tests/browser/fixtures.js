// What a test begins with: a demo of its own, a customer's browser at its portal, and the
// administrator's at its console.

import { test as base, expect } from '@playwright/test';
import { Demo } from './demo.js';
import { signInToConsole } from './console.js';
import { watch } from './watch.js';

export { expect };

async function watched(context, demo, use) {
  const watching = watch(context, demo);
  await use(context);
  expect.soft(await watching.problems(), 'what the browser reported').toEqual([]);
}

export const test = base.extend({
  /** Variables for the demo and its gatehouse. */
  environment: [{}, { option: true }],

  demo: async ({ environment }, use, testInfo) => {
    const demo = await Demo.start(environment);
    await use(demo);
    try {
      await demo.stop();
    } finally {
      if (testInfo.errors.length > 0) console.error(demo.log);
    }
  },

  baseURL: async ({ demo }, use) => use(demo.portal),

  context: ({ context, demo }, use) => watched(context, demo, use),

  /** Opens a page in a browser of somebody else, or of the same person elsewhere. */
  elsewhere: async ({ browser, demo }, use) => {
    const contexts = [];
    await use(async (options) => {
      const context = await browser.newContext(options);
      contexts.push({ context, watching: watch(context, demo) });
      return context.newPage();
    });
    for (const { context, watching } of contexts) {
      expect.soft(await watching.problems(), 'what another browser reported').toEqual([]);
      await context.close();
    }
  },

  /** The administrator's page, signed in to the console. */
  olga: async ({ elsewhere, demo }, use) => {
    const page = await elsewhere({ baseURL: demo.console });
    await signInToConsole(page, demo.olga);
    await use(page);
  },
});
