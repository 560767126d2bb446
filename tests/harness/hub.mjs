// A hub of the test's own: started on a free port with a folder that goes away with it.
import { spawn, execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const PATIENCE_MS = 120_000;

export function binary() {
  const found = process.env.HUB_BINARY;
  if (!found) throw new Error('HUB_BINARY must name the hub to test; `cargo xtask test` sets it');
  return found;
}

// Asks again until the answer is true-ish; fails with a sentence when patience is over.
export async function eventually(what, ask, patience = PATIENCE_MS) {
  const end = Date.now() + patience;
  let last;
  while (Date.now() < end) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not so within ${patience / 1000} s: ${what}${last ? ` (${last.message})` : ''}`);
}

export async function temporaryFolder(name) {
  const folder = await mkdtemp(path.join(tmpdir(), `hub-${name}-`));
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

// Runs the hub to its end; gives what it printed. The environment holds none of the caller's HUB_ settings.
export function run(args, { env = {}, ...options } = {}) {
  return promisify(execFile)(binary(), args, { env: { ...cleanEnvironment(), ...env }, maxBuffer: 64 << 20, ...options });
}

function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HUB_')));
}

async function start(args, env) {
  const child = spawn(binary(), args, { env: { ...cleanEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (log = (log + text).slice(-20_000)));
  const lines = createInterface({ input: child.stdout });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(late);
  };
  return { child, lines, stop, log: () => log };
}

async function ready(url, hub) {
  await eventually(`${url}/readyz answers 200\n${hub.log()}`, async () => {
    if (hub.child.exitCode !== null) throw new Error(`the hub ended with ${hub.child.exitCode}:\n${hub.log()}`);
    return (await fetch(new URL('/readyz', url))).status === 200;
  });
}

// The demonstration: `{ url, graphql, people, stop, log, folder }`.
export async function startDemo({ env = {}, folder } = {}) {
  const own = folder ? { folder, remove: async () => {} } : await temporaryFolder('demo');
  const hub = await start(['demo', '--json', '--listen', '127.0.0.1:0', '--data-dir', own.folder], env);
  try {
    const line = await Promise.race([
      once(hub.lines, 'line').then(([line]) => line),
      once(hub.child, 'exit').then(([code]) => Promise.reject(new Error(`the hub ended with ${code} before it said where it is:\n${hub.log()}`))),
    ]);
    const said = JSON.parse(line);
    await ready(said.url, hub);
    const stop = async () => {
      await hub.stop();
      await own.remove();
    };
    return { ...said, folder: own.folder, log: hub.log, stop };
  } catch (error) {
    await hub.stop();
    await own.remove();
    throw error;
  }
}

// A hub without demonstration content, on a port chosen here so that its public address is known beforehand.
export async function startHub({ port, args = [], env = {} }) {
  const url = `http://127.0.0.1:${port}`;
  const hub = await start(['serve', '--listen', `127.0.0.1:${port}`, '--public-url', url, ...args], env);
  try {
    await ready(url, hub);
    return { url, graphql: `${url}/graphql`, log: hub.log, stop: hub.stop };
  } catch (error) {
    await hub.stop();
    throw error;
  }
}

export async function freePort() {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// Asks the API; throws when it answers with errors.
export async function ask(hub, query, variables = {}, token) {
  const response = await fetch(hub.graphql, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify({ query, variables }),
  });
  const answer = await response.json();
  if (answer.errors) throw new Error(`the API answered ${response.status} ${JSON.stringify(answer.errors)}`);
  return answer.data;
}

// Two people of different organisations.
export function ofDifferentOrganisations(people) {
  const first = people[0];
  const second = people.find((person) => person.organisation !== first.organisation);
  if (!second) throw new Error('everyone is of the same organisation');
  return [first, second];
}
