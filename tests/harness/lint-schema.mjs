// Prints what graphql-eslint finds in the schema of a file, as a JSON list of sentences.
import path from 'node:path';

import { ESLint } from 'eslint';
import plugin from '@graphql-eslint/eslint-plugin';

import { VALUES } from './schema.mjs';

const everywhere = Object.fromEntries(
  [
    'types',
    'rootField',
    'DirectiveDefinition',
    'EnumTypeDefinition',
    'EnumValueDefinition',
    'FieldDefinition',
    'InputObjectTypeDefinition',
    'InputValueDefinition',
    'InterfaceTypeDefinition',
    'ObjectTypeDefinition',
    'ScalarTypeDefinition',
    'UnionTypeDefinition',
  ].map((kind) => [kind, true]),
);

const RULES = {
  ...plugin.configs['flat/schema-recommended'].rules,
  ...plugin.configs['flat/schema-relay'].rules,
  '@graphql-eslint/require-description': ['error', everywhere],
  '@graphql-eslint/strict-id-in-types': ['error', { acceptedIdNames: ['id'], acceptedIdTypes: ['ID'], exceptions: VALUES }],
  // The specification of Relay's connections lets an edge's node be of any type, and lists that are short by nature be plain.
  '@graphql-eslint/relay-edge-types': ['error', { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
  '@graphql-eslint/relay-arguments': ['error', { includeBoth: true }],
  // Beyond what the plugin recommends.
  '@graphql-eslint/input-name': ['error', { checkInputType: false }],
  '@graphql-eslint/no-scalar-result-type-on-mutation': 'error',
  '@graphql-eslint/require-nullable-fields-with-oneof': 'error',
};

const [file] = process.argv.slice(2);
const eslint = new ESLint({
  cwd: path.dirname(file),
  overrideConfigFile: true,
  overrideConfig: [
    {
      files: ['**/*.graphql'],
      languageOptions: { parser: plugin.parser, parserOptions: { graphQLConfig: { schema: file } } },
      plugins: { '@graphql-eslint': plugin },
      rules: RULES,
    },
  ],
});
const results = await eslint.lintFiles([file]);
console.log(JSON.stringify(results.flatMap((result) => result.messages.map((message) => `${message.line}: ${message.message.replaceAll('\n', ' ')} (${message.ruleId})`))));
