// The schema that clients build on: well named, described throughout, and changed only so that nobody's client breaks unannounced.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { badDeprecations, lint, read, staleExceptions, undeclared } from './harness/schema.mjs';

let schema, published, declared;
before(async () => {
  [schema, published] = await Promise.all([read('schema.graphql'), read('tests/schema/published.graphql')]);
  declared = JSON.parse(await read('tests/schema/declared.json'));
});

test('the schema keeps the rules of graphql-eslint: none is broken', async () => {
  assert.deepEqual(await lint(schema), []);
  assert.deepEqual(staleExceptions(schema), [], 'an exception of tests/harness/schema.mjs stands for no type any more');
});

test('each rule is at work', async () => {
  const described = (text) => `"A thing."\n${text}`;
  const cases = {
    'naming-convention': described('type query { "It." id: ID! }'),
    'require-description': 'type Query { id: ID! }',
    'strict-id-in-types': described('type Query { "It." thing: Thing }\n"One."\ntype Thing { "Its name." name: String }'),
    'no-unreachable-types': described('type Query { "It." id: ID! }\n"One."\ntype Lonely { "It." id: ID! }'),
    'relay-arguments': described('type Query { "It." things: ThingConnection }\n"Many."\ntype ThingConnection { "It." id: ID! }'),
    'relay-connection-types': described('type Query { "It." things(first: Int, after: String): ThingConnection }\n"Many."\ntype ThingConnection { "It." id: ID! }'),
    'no-scalar-result-type-on-mutation': described('type Query { "It." id: ID! }\n"Do."\ntype Mutation { "Do it." go(input: Int): Boolean }'),
    'input-name': described('type Query { "It." id: ID! }\n"Do."\ntype Mutation { "Do it." go(command: Int): Query }'),
  };
  for (const [rule, sdl] of Object.entries(cases)) {
    const found = await lint(sdl);
    assert.ok(found.some((message) => message.includes(`/${rule})`)), `${rule} does not see what it should: ${found.join('; ')}`);
  }
});

test('what is deprecated says until when it stays and what to use instead', () => {
  assert.deepEqual(badDeprecations(schema), []);
  const sdl = (reason) => `type Query { old: Int @deprecated(reason: "${reason}") new: Int }`;
  assert.deepEqual(badDeprecations(sdl('Use new. Goes away after 2027-06-30.')), []);
  for (const reason of ['Old.', 'Use new.', 'Use new. Goes away after 2027-13-40.', 'Goes away after 2027-06-30.']) {
    assert.equal(badDeprecations(sdl(reason)).length, 1, reason);
  }
});

test('nobody breaks unannounced', () => {
  const { missing, stale, incomplete } = undeclared(published, schema, declared);
  assert.deepEqual(missing, [], 'these changes break clients: take them back, or declare each in tests/schema/declared.json (docs/api/schema.md says how)');
  assert.deepEqual(stale, [], 'these declared changes break nothing (any more): take them out of tests/schema/declared.json');
  assert.deepEqual(incomplete, [], 'these declarations lack “why”, “instead” or “since” (a date)');
});

test('a breaking change is seen, and passes once it is declared', () => {
  const before = 'type Query { a: Int b(x: Int): Int } enum E { ONE TWO }';
  const after = 'type Query { a: String! b(x: Int, y: Int!): Int } enum E { ONE }';
  const { missing } = undeclared(before, after, []);
  assert.equal(missing.length, 3, missing.join('; '));
  const declared = missing.map((change) => ({ change, why: 'It was wrong.', instead: 'Ask for the other.', since: '2026-11-25' }));
  assert.deepEqual(undeclared(before, after, declared), { missing: [], stale: [], incomplete: [] });
  assert.equal(undeclared(before, before, declared).stale.length, 3);
  assert.equal(undeclared(before, after, declared.map(({ change }) => ({ change }))).incomplete.length, 3);
});

test('adding breaks nobody: a field, a type, a kind of user error', () => {
  const before = 'interface UserError { code: String! } type NotFound implements UserError { code: String! } type Query { a: Int errors: [UserError!]! }';
  const after = `${before.replace('a: Int', 'a: Int more: Int')} type Later implements UserError { code: String! }`;
  assert.deepEqual(undeclared(before, after, []).missing, []);
});
