// What happens is seen as it happens, by the clients of graphql-ws and graphql-sse.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';

import { ask, ofDifferentOrganisations, startDemo } from './harness/hub.mjs';

const THREADS = '{ community(slug: "secure-engineering") { threads(first: 20) { nodes { id title locked closed viewerCan { reply } } } } }';
const REPLY = 'mutation ($input: ThreadReplyInput!) { threadReply(input: $input) { userErrors { code message } consistencyToken } }';
const ACTIVITY = 'subscription ($thread: ID!, $after: String) { threadActivity(thread: $thread, after: $after) { __typename position } }';

let hub, asker, answerer, thread;
before(async () => {
  hub = await startDemo();
  [asker, answerer] = ofDifferentOrganisations(hub.people);
  const { community } = await ask(hub, THREADS, {}, asker.token);
  thread = community.threads.nodes.find((node) => node.viewerCan.reply);
  assert.ok(thread, 'there is a thread that takes replies');
});
after(() => hub?.stop());

async function reply() {
  const input = { commandId: randomUUID(), thread: thread.id, body: 'Said live.' };
  const { threadReply } = await ask(hub, REPLY, { input }, answerer.token);
  assert.deepEqual(threadReply.userErrors, []);
}

// Subscribes, replies once the server listens, and gives the first event after it.
async function firstEvent(subscribe) {
  const { hub: before } = await ask(hub, '{ hub { position } }', {}, asker.token);
  const event = new Promise((resolve, reject) => subscribe({ query: ACTIVITY, variables: { thread: thread.id, after: before.position } }, { next: resolve, error: reject, complete: () => {} }));
  await reply();
  return event;
}

test('over a WebSocket', async () => {
  const client = createWsClient({
    url: `${hub.graphql}/ws`.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${asker.token}` },
    retryAttempts: 0,
  });
  const { data, errors } = await firstEvent((request, sink) => client.subscribe(request, sink));
  assert.equal(errors, undefined);
  assert.ok(data.threadActivity.position);
  await client.dispose();
});

test('over server-sent events', async () => {
  const client = createSseClient({ url: `${hub.graphql}/stream`, headers: { authorization: `Bearer ${asker.token}` }, retryAttempts: 0 });
  const { data, errors } = await firstEvent((request, sink) => client.subscribe(request, sink));
  assert.equal(errors, undefined);
  assert.ok(data.threadActivity.position);
  client.dispose();
});

test('from a position on, nothing is missed', async () => {
  const { hub: before } = await ask(hub, '{ hub { position } }', {}, asker.token);
  await reply();
  await reply();
  const client = createSseClient({ url: `${hub.graphql}/stream`, headers: { authorization: `Bearer ${asker.token}` }, retryAttempts: 0 });
  const seen = new Set();
  await new Promise((resolve, reject) =>
    client.subscribe(
      { query: ACTIVITY, variables: { thread: thread.id, after: before.position } },
      {
        next: ({ data }) => {
          seen.add(data.threadActivity.position);
          if (seen.size >= 2) resolve();
        },
        error: reject,
        complete: () => {},
      },
    ),
  );
  client.dispose();
});

for (const [what, send, code] of [
  ['a message that is none', 'nonsense', 4400],
  ['a subscription before the greeting', JSON.stringify({ type: 'subscribe', id: '1', payload: { query: '{ __typename }' } }), 4401],
]) {
  test(`a socket is closed with ${code} after ${what}`, async () => {
    const socket = new WebSocket(`${hub.graphql}/ws`.replace(/^http/, 'ws'), 'graphql-transport-ws');
    const closed = new Promise((resolve, reject) => socket.on('close', resolve).on('error', reject));
    socket.on('open', () => socket.send(send));
    assert.equal(await closed, code);
  });
}

test('a second greeting closes the socket with 4429', async () => {
  const socket = new WebSocket(`${hub.graphql}/ws`.replace(/^http/, 'ws'), 'graphql-transport-ws');
  const closed = new Promise((resolve, reject) => socket.on('close', resolve).on('error', reject));
  socket.on('open', () => {
    socket.send(JSON.stringify({ type: 'connection_init' }));
    socket.send(JSON.stringify({ type: 'connection_init' }));
  });
  assert.equal(await closed, 4429);
});
