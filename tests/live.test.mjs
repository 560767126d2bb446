// What happens is seen as it happens, by the clients of graphql-ws and graphql-sse.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, test } from 'node:test';

import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';

import { ask, eventually, ofDifferentOrganisations, startDemo, temporaryFolder } from './harness/hub.mjs';

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

// What stands between a client and the hub: it can cut every connection, and lead to another hub from then on.
async function startProxy(target) {
  const proxy = { target, open: new Set() };
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(new URL(proxy.target).port), '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ]) {
      proxy.open.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        proxy.open.delete(socket);
        other.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy.url = `http://127.0.0.1:${server.address().port}/graphql`;
  proxy.cut = () => proxy.open.forEach((socket) => socket.destroy());
  proxy.stop = async () => {
    server.close();
    proxy.cut();
    await once(server, 'close');
  };
  return proxy;
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 50));
const CLIENTS = {
  'graphql-ws': (url, token) =>
    createWsClient({
      url: `${url}/ws`.replace(/^http/, 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { token },
      retryAttempts: 1_000,
      retryWait: soon,
      shouldRetry: () => true,
    }),
  'graphql-sse': (url, token) => createSseClient({ url: `${url}/stream`, headers: { authorization: `Bearer ${token}` }, retryAttempts: 1_000, retry: soon }),
};

const BODIES = 'subscription ($thread: ID!, $after: String) { threadActivity(thread: $thread, after: $after) { position post { body } } }';

test('the clients come back by themselves, and miss nothing: connections that break, and a hub that is started anew', async (t) => {
  const own = await temporaryFolder('live');
  let there = await startDemo({ folder: own.folder });
  const proxies = [];
  const followers = [];
  t.after(async () => {
    for (const { client } of followers) await client.dispose();
    for (const proxy of proxies) await proxy.stop();
    await there.stop();
    await own.remove();
  });
  const [reader, writer] = ofDifferentOrganisations(there.people);
  const { community } = await ask(there, THREADS, {}, reader.token);
  const target = community.threads.nodes.find((node) => node.viewerCan.reply);
  const { hub: start } = await ask(there, '{ hub { position } }', {}, reader.token);
  for (const [name, create] of Object.entries(CLIENTS)) {
    const proxy = await startProxy(there.graphql);
    proxies.push(proxy);
    const client = create(proxy.url, reader.token);
    const follower = { name, client, seen: [], wrong: [] };
    // The clients send these again whenever they connect again.
    const variables = { thread: target.id, after: start.position };
    client.subscribe(
      { query: BODIES, variables },
      {
        next: ({ data, errors }) => {
          if (errors) return follower.wrong.push(errors);
          variables.after = data.threadActivity.position;
          follower.seen.push(data.threadActivity.post.body);
        },
        error: (error) => follower.wrong.push(error),
        complete: () => follower.wrong.push('completed'),
      },
    );
    followers.push(follower);
  }
  const said = [];
  const say = async () => {
    const body = `Number ${said.length}.`;
    const input = { commandId: randomUUID(), thread: target.id, body };
    const { threadReply } = await ask(there, REPLY, { input }, writer.token);
    assert.deepEqual(threadReply.userErrors, []);
    said.push(body);
  };
  const everyoneHasSeenAll = () =>
    eventually('everyone has seen everything', () => {
      for (const { name, wrong } of followers) assert.deepEqual(wrong, [], name);
      return followers.every(({ seen }) => seen.length >= said.length);
    });

  await say();
  await everyoneHasSeenAll();
  for (let cut = 0; cut < 5; cut += 1) {
    await say();
    proxies.forEach((proxy) => proxy.cut());
    await say();
    await say();
  }
  await everyoneHasSeenAll();
  // The hub stops in order and another one comes up elsewhere, on the same folder.
  await there.stop();
  there = await startDemo({ folder: own.folder });
  proxies.forEach((proxy) => (proxy.target = there.graphql));
  await say();
  await say();
  await everyoneHasSeenAll();
  for (const { name, seen } of followers) assert.deepEqual(seen, said, name);
});

// Reads a stream of events by hand, up to its nth event.
async function events(body, token, most) {
  const response = await fetch(`${hub.graphql}/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^text\/event-stream/);
  let text = '';
  const found = [];
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    let end;
    while ((end = text.indexOf('\n\n')) >= 0) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name) => lines.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1).trim();
      if (field('event')) found.push({ event: field('event'), data: field('data') ? JSON.parse(field('data')) : undefined });
      if (found.length >= most) return found;
    }
  }
  return found;
}

test('an inbox holds what others did that concerns its owner, and everything comes with its type', async () => {
  const { hub: before } = await ask(hub, '{ hub { position } }', {}, asker.token);
  const own = { commandId: randomUUID(), thread: thread.id, body: 'I take part.' };
  await ask(hub, REPLY, { input: own }, asker.token);
  await reply();
  const variables = { after: before.position };
  const [first] = await events({ query: 'subscription ($after: String) { inboxActivity(after: $after) { reason event { __typename } post { body } thread { id } } }', variables }, asker.token, 1);
  assert.equal(first.event, 'next');
  assert.deepEqual(first.data.data.inboxActivity, {
    reason: 'PARTICIPANT',
    event: { __typename: 'ThreadRepliedEvent' },
    post: { body: 'Said live.' },
    thread: { id: thread.id },
  });
  const all = await events({ query: 'subscription ($after: String) { myEvents(after: $after) { __typename position } }', variables }, asker.token, 2);
  assert.deepEqual(
    all.map(({ data }) => data.data.myEvents.__typename),
    ['ThreadRepliedEvent', 'ThreadRepliedEvent'],
  );
});

test('a stream of events that is refused says why, and is completed', async () => {
  const [refused, complete] = await events({ query: 'subscription { inboxActivity { position } }' }, undefined, 2);
  assert.equal(refused.data.errors[0].extensions.code, 'UNAUTHENTICATED');
  assert.equal(complete.event, 'complete');
});
