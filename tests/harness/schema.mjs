// What a good schema is: the rules of graphql-eslint, dated deprecations, and that a change breaks nobody unless it is declared.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { buildSchema, findBreakingChanges, isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql';

// Types without an id, because nobody asks for one of them by itself: what mutations answer, pages of lists, and values that
// belong to the thing they stand in.
export const VALUES = {
  suffixes: ['Payload', 'Connection', 'Edge', 'Permissions', 'Activity', 'Change'],
  types: [
    'Audience',
    'Charter',
    'Clause',
    'Conflict',
    'Hub',
    'InvalidInput',
    'Membership',
    'NotAllowed',
    'NotFound',
    'PageInfo',
    'ReactionGroup',
    'Revision',
    'SignInOption',
    'Viewer',
  ],
};

// Runs in a process of its own: the plugin remembers the first schema that it saw for as long as its process lives.
export async function lint(sdl) {
  const folder = await mkdtemp(path.join(tmpdir(), 'hub-schema-'));
  try {
    const file = path.join(folder, 'schema.graphql');
    await writeFile(file, sdl);
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL('lint-schema.mjs', import.meta.url)), file], { maxBuffer: 64 << 20 });
    return JSON.parse(stdout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// The exceptions that no longer stand for a type without an id.
export function staleExceptions(sdl) {
  const schema = buildSchema(sdl);
  return VALUES.types.filter((name) => {
    const type = schema.getType(name);
    return !type || Boolean(type.getFields?.().id);
  });
}

// A deprecation tells until when the thing stays, and what to use instead.
const DEPRECATION = /^Use .+\. Goes away after (\d{4}-\d{2}-\d{2})\./;

export function badDeprecations(sdl) {
  const bad = [];
  const look = (where, thing) => {
    if (thing.deprecationReason == null) return;
    const date = DEPRECATION.exec(thing.deprecationReason)?.[1];
    if (!date || Number.isNaN(Date.parse(date))) bad.push(`${where}: “${thing.deprecationReason}”`);
  };
  for (const type of Object.values(buildSchema(sdl).getTypeMap())) {
    if (type.name.startsWith('__')) continue;
    if (isEnumType(type)) for (const value of type.getValues()) look(`${type.name}.${value.name}`, value);
    if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) {
        look(`${type.name}.${field.name}`, field);
        for (const argument of field.args ?? []) look(`${type.name}.${field.name}(${argument.name}:)`, argument);
      }
    }
  }
  return bad;
}

// What would break somebody's client and is not declared, and what is declared and breaks nothing.
export function undeclared(publishedSdl, sdl, declared) {
  const breaking = findBreakingChanges(buildSchema(publishedSdl), buildSchema(sdl)).map(({ type, description }) => `${type}: ${description}`);
  const known = new Set(declared.map((entry) => entry.change));
  return {
    missing: breaking.filter((change) => !known.has(change)),
    stale: [...known].filter((change) => !breaking.includes(change)),
    incomplete: declared.filter((entry) => !entry.why || !entry.instead || !/^\d{4}-\d{2}-\d{2}$/.test(entry.since ?? '')).map((entry) => entry.change),
  };
}

export const read = (file) => readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
