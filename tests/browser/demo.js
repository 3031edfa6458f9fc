// The demo as somebody starts it: one process that brings a gatehouse, two sites and a database of its
// own, on ports that were free.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../target/debug/demo-portal', import.meta.url));
/** Milliseconds that it may take to begin, and to end. Both are a moment on a machine with nothing else to do. */
const PATIENCE = 60_000;

/** Only what a test sets counts. */
function cleaned(environment) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('GATEHOUSE_'));
  return { ...Object.fromEntries(inherited), ...environment };
}

/** The pid of a process's parent; undefined where there is no such process. */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold anything, brackets too.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

export class Demo {
  #process;
  #exited;
  #ends = 0;
  #said = '';
  #log = '';

  /** Starts one, and waits until it says where it is. */
  static async start(environment = {}) {
    const demo = new Demo(environment);
    const text = await demo.#whenReady();
    const find = (pattern) => text.match(pattern)[1];
    /** The addresses of the sites. */
    demo.portal = find(/customer's portal +(http:\/\/localhost:\d+)$/m);
    demo.console = find(/administrator's console +(http:\/\/localhost:\d+)$/m);
    const person = (email) => ({ email, password: find(new RegExp(`${email} +(.+)$`, 'm')) });
    demo.ana = person('ana@example.com');
    demo.ben = person('ben@example.com');
    demo.olga = person('olga@acme.example');
    demo.eve = { email: 'eve@example.com' };
    return demo;
  }

  constructor(environment) {
    this.#process = spawn(program, ['--portal-port', '0', '--console-port', '0'], {
      env: cleaned(environment),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#exited = once(this.#process, 'exit');
    this.#process.stderr.setEncoding('utf8').on('data', (text) => {
      this.#log += text;
    });
  }

  /** What it has logged, for whoever wonders why a test failed. */
  get log() {
    return this.#log;
  }

  /** What it says when both sites are there: the password at the end comes last. */
  async #whenReady() {
    const ready = new Promise((resolve) => {
      this.#process.stdout.setEncoding('utf8').on('data', (text) => {
        this.#said += text;
        if (/olga@acme\.example +.+\n/.test(this.#said)) resolve(this.#said);
      });
    });
    const ended = this.#exited.then(([status, signal]) => {
      throw new Error(`the demo ended with ${status ?? signal} before it began`);
    });
    try {
      return await within(Promise.race([ready, ended]), 'the demo does not begin');
    } catch (error) {
      this.#process.kill('SIGKILL');
      error.message += `:\n${this.#said}${this.#log}`;
      throw error;
    } finally {
      // From here on it may end.
      ended.catch(() => {});
    }
  }

  /** The gatehouse that it started. */
  #children() {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.filter((pid) => parentOf(pid) === this.#process.pid).map(Number);
  }

  #signal(signal) {
    const [gatehouse, ...others] = this.#children();
    assert.ok(gatehouse && others.length === 0, 'the demo has one child');
    process.kill(gatehouse, signal);
  }

  /** gatehouse answers nothing until it is thawed. */
  freezeGatehouse() {
    this.#signal('SIGSTOP');
  }

  thawGatehouse() {
    this.#signal('SIGCONT');
  }

  /** gatehouse is gone, and the demo goes on without it. That it died is told by the status at the end. */
  killGatehouse() {
    this.#signal('SIGKILL');
    this.#ends = 1;
  }

  /** Ends it as an operator would: it leaves with 0, and its gatehouse before it. */
  async stop() {
    assert.equal(this.#process.exitCode ?? this.#process.signalCode, null, 'the demo was there until now');
    const children = this.#children();
    // Whoever is frozen hears no SIGTERM.
    for (const pid of children) process.kill(pid, 'SIGCONT');
    this.#process.kill('SIGTERM');
    try {
      const [ended, signal] = await within(this.#exited, 'the demo does not end');
      assert.equal(ended ?? signal, this.#ends, 'the demo ends well');
    } catch (error) {
      for (const pid of [this.#process.pid, ...children]) {
        if (parentOf(pid) !== undefined) process.kill(pid, 'SIGKILL');
      }
      throw error;
    }
    assert.deepEqual(children.filter((pid) => parentOf(pid) !== undefined), [], 'gatehouse is gone');
  }
}

/** A limit for what a broken demo would never do. */
async function within(promise, otherwise) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${otherwise} within ${PATIENCE / 1000} s`)), PATIENCE);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
