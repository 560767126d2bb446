// Every audit of the GraphQL over HTTP specification, by those who wrote them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { serverAudits } from 'graphql-http';

import { startDemo } from './harness/hub.mjs';

let hub;
before(async () => {
  hub = await startDemo();
});
after(() => hub?.stop());

for (const audit of serverAudits({ url: () => hub.graphql, fetchFn: fetch })) {
  test(`${audit.id} ${audit.name}`, async () => {
    const result = await audit.fn();
    assert.equal(result.status, 'ok', `${result.reason}\n${result.response ? `answered ${result.response.status}: ${await result.response.text().catch(() => 'body already read')}` : ''}`);
  });
}

test('no mutation runs over GET', async () => {
  const url = new URL(hub.graphql);
  url.searchParams.set('query', 'mutation { __typename }');
  const response = await fetch(url, { headers: { authorization: `Bearer ${hub.people[0].token}`, accept: 'application/json' } });
  assert.equal(response.status, 405);
  assert.equal(response.headers.get('allow'), 'POST');
});

test('a list of operations is refused', async () => {
  const response = await fetch(hub.graphql, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ query: '{ __typename }' }, { query: '{ __typename }' }]),
  });
  assert.equal(response.status, 400);
});

test('a body that is not JSON is refused', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const response = await fetch(hub.graphql, { method: 'POST', headers: { 'content-type': type }, body: '{"query":"{ __typename }"}' });
    assert.equal(response.status, 415, type);
  }
});

test('the fragment bomb is refused', async () => {
  const depth = 28;
  let query = '{ ...F0 }';
  for (let level = 0; level < depth; level++) query += ` fragment F${level} on Query { ...F${level + 1} ...F${level + 1} }`;
  query += ` fragment F${depth} on Query { __typename }`;
  const response = await fetch(hub.graphql, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
    body: JSON.stringify({ query }),
  });
  assert.equal(response.status, 400);
  assert.ok((await response.json()).errors.length > 0);
});
