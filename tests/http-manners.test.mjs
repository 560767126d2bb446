// What the API is over the wire, beside the audits: the statuses of the first edition, registered documents alone, answers that
// are still good, methods besides GET and POST.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { run, startDemo, temporaryFolder } from './harness/hub.mjs';

const GRAPHQL = 'application/graphql-response+json';
const LIST = 'query List($first: Int!) { threads(first: $first) { totalCount nodes { id title } } }';
const id = (document) => `sha256:${createHash('sha256').update(document).digest('hex')}`;

let folder;
let file;
let hub;
before(async () => {
  folder = await temporaryFolder('documents');
  file = path.join(folder.folder, 'documents.json');
  // As the builds of clients write it: the bare hash of one, and a name for another.
  await writeFile(file, JSON.stringify({ [id(LIST).slice('sha256:'.length)]: LIST, Partial: '{ hub { version } node(id: "nonsense") { id } }' }));
  hub = await startDemo({
    env: { HUB_GRAPHQL_STATUSES: 'september2026', HUB_PERSISTED_DOCUMENTS: 'only', HUB_PERSISTED_DOCUMENTS_FILE: file },
  });
});
after(async () => {
  await hub?.stop();
  await folder?.remove();
});

const post = (body, { accept = GRAPHQL, where = hub.graphql, headers = {} } = {}) =>
  fetch(where, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept, authorization: `Bearer ${hub.people[0].token}`, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

test('the first edition has its statuses', async () => {
  for (const [body, status, code] of [
    [{ documentId: id(LIST), variables: { first: 1 } }, 200],
    [{ query: LIST, variables: { first: 1 } }, 200],
    [{ documentId: 'Partial' }, 294, 'INVALID_ID'],
    ['{', 400, 'BAD_REQUEST'],
    [{ qeury: '{ __typename }' }, 422, 'BAD_REQUEST'],
    [{ query: '{' }, 400, 'GRAPHQL_PARSE_FAILED'],
    [{ documentId: id(LIST) }, 422, 'INVALID_VARIABLE'],
    [{ documentId: 'Nothing' }, 404, 'PERSISTED_DOCUMENT_NOT_FOUND'],
    [{ query: '{ hub { version } }' }, 403, 'PERSISTED_DOCUMENT_REQUIRED'],
  ]) {
    const response = await post(body);
    const answer = await response.json();
    assert.equal(response.status, status, JSON.stringify(body));
    assert.match(response.headers.get('content-type'), /^application\/graphql-response\+json/);
    assert.equal(answer.errors?.[0].extensions.code, code, JSON.stringify(answer));
    assert.equal('data' in answer, status < 300);
  }
  // Who takes application/json alone gets it with what went well, and GraphQL's own with what did not.
  const partial = await post({ documentId: 'Partial' }, { accept: 'application/json' });
  assert.deepEqual([partial.status, partial.headers.get('content-type')], [200, 'application/json; charset=utf-8']);
  const failed = await post({ documentId: id(LIST) }, { accept: 'application/json' });
  assert.deepEqual([failed.status, failed.headers.get('content-type')], [422, `${GRAPHQL}; charset=utf-8`]);
});

test('an answer that is still good is not sent again', async () => {
  const url = new URL(hub.graphql);
  url.searchParams.set('documentId', id(LIST));
  url.searchParams.set('variables', '{"first":5}');
  const headers = { accept: GRAPHQL, authorization: `Bearer ${hub.people[0].token}` };
  const first = await fetch(url, { headers });
  const tag = first.headers.get('etag');
  const length = (await first.text()).length;
  assert.ok(length > 20 && tag.startsWith('W/"'), tag);
  assert.equal(first.headers.get('cache-control'), 'private, no-cache');
  const again = await fetch(url, { headers: { ...headers, 'if-none-match': tag } });
  assert.equal(again.status, 304);
  assert.equal(await again.text(), '');
  assert.equal(again.headers.get('etag'), tag);
  assert.equal((await fetch(url, { headers: { accept: GRAPHQL, 'if-none-match': tag } })).status, 200, 'a stranger has another answer');
  const head = await fetch(url, { method: 'HEAD', headers });
  assert.deepEqual([head.status, head.headers.get('etag'), await head.text()], [200, tag, '']);
});

test('methods besides GET and POST behave', async () => {
  const options = await fetch(hub.graphql, { method: 'OPTIONS', headers: { origin: 'https://elsewhere.example' } });
  assert.deepEqual([options.status, options.headers.get('allow')], [204, 'GET, HEAD, POST, OPTIONS']);
  assert.equal(options.headers.get('access-control-allow-origin'), null);
  const put = await fetch(hub.graphql, { method: 'PUT', headers: { accept: GRAPHQL } });
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD, POST, OPTIONS']);
});

test('the pages work although nothing else is taken', async () => {
  const page = await (await fetch(hub.url)).text();
  assert.match(page, /<main/);
  const script = await (await fetch(new URL(page.match(/\/assets\/hub\.[^"]+\.js/)[0], hub.url))).text();
  const subscription = script.match(/const SUBSCRIPTION = `([^`]+)`/)[1];
  const [thread] = (await (await post({ documentId: id(LIST), variables: { first: 1 } })).json()).data.threads.nodes;
  const stream = new URL('/graphql/stream', hub.url);
  const live = await post({ query: subscription, variables: { thread: thread.id } }, { accept: 'text/event-stream', where: stream });
  assert.deepEqual([live.status, live.headers.get('content-type')], [200, 'text/event-stream; charset=utf-8']);
  await live.body.cancel();
  const other = await post({ query: `${subscription} ` }, { accept: 'text/event-stream', where: stream });
  assert.equal(other.status, 403);
});

test('a file is checked without a hub, and keeps a hub from starting if it is wrong', async () => {
  const checked = JSON.parse((await run(['documents', 'check', '--json', file])).stdout);
  assert.deepEqual(checked, { documents: 2, faults: [] });
  const wrong = path.join(folder.folder, 'wrong.json');
  await writeFile(wrong, JSON.stringify({ [id(LIST)]: `${LIST} `, Unknown: '{ nosuchfield }', Fine: LIST }));
  const failure = await run(['documents', 'check', '--json', wrong]).then(assert.fail, (error) => error);
  const { faults } = JSON.parse(failure.stdout);
  assert.deepEqual(faults.map((fault) => fault.entry), [id(LIST), 'Unknown']);
  const env = { HUB_PERSISTED_DOCUMENTS_FILE: wrong };
  const refused = await run(['demo', '--listen', '127.0.0.1:0', '--data-dir', path.join(folder.folder, 'data')], { env }).then(
    assert.fail,
    (error) => error.stderr,
  );
  assert.match(refused, /persisted_documents_file/);
  assert.match(refused, /Unknown/);
  assert.ok(refused.includes(id(LIST)));
});
