// The webhook deliveries that npm's @octokit/webhooks-examples carries, imported and read again.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { launch, open } from './harness/browser.mjs';
import { ask, freePort, run, startHub, temporaryFolder } from './harness/hub.mjs';

const EXAMPLES = createRequire(import.meta.url).resolve('@octokit/webhooks-examples/api.github.com/index.json');
const THREADS = `{ threads(first: 50) { totalCount nodes { title openedAt answered author { name placeholder } community { slug name }
  openingPost { body } posts(first: 50) { nodes { body isAnswer createdAt author { name placeholder } } } } } }`;

let data, deliveries;
before(async () => {
  data = await temporaryFolder('import');
  const events = JSON.parse(await readFile(EXAMPLES, 'utf8'));
  deliveries = events.filter((event) => ['discussion', 'discussion_comment'].includes(event.name)).flatMap((event) => event.examples);
});
after(() => data?.remove());

const folder = (name) => ['--data-dir', path.join(data.folder, name)];
// An empty hub with one organisation, at whose home the communities of imported repositories are founded.
const prepare = (name) => run(['org', 'add', '--slug', 'granite-works', '--name', 'Granite Works Agency', ...folder(name)]);
const bring = (name, ...files) => run(['import', 'github-discussions', '--json', '--organisation', 'granite-works', ...files, ...folder(name)]);

async function imported(name, look) {
  const port = await freePort();
  const hub = await startHub({ port, args: folder(name) });
  try {
    return await look(hub);
  } finally {
    await hub.stop();
  }
}

test('the collection of examples as it is', async () => {
  await prepare('collection');
  await bring('collection', EXAMPLES);
  await imported('collection', async (hub) => {
    const { threads } = await ask(hub, THREADS);
    const titles = new Set(deliveries.map((delivery) => `${delivery.repository.full_name} ${delivery.discussion.number}`));
    assert.equal(threads.totalCount, titles.size);
    for (const thread of threads.nodes) {
      const about = deliveries.filter((delivery) => delivery.discussion.title === thread.title);
      assert.ok(about.length, `${thread.title} is in the examples`);
      assert.ok(about.some(({ discussion }) => Date.parse(discussion.created_at) === Date.parse(thread.openedAt)), 'opened when it was');
      assert.ok(about.some(({ discussion }) => discussion.user.login === thread.author.name), 'by whom it was');
      assert.equal(thread.author.placeholder, true);
    }
    const comment = deliveries.find((delivery) => delivery.comment).comment;
    assert.ok(threads.nodes.some((thread) => thread.posts.nodes.some((post) => post.body === comment.body)), 'with its comments');
  });
});

test('importing twice changes nothing', async () => {
  const log = async () => (await run(['events', 'export', ...folder('twice')])).stdout;
  await prepare('twice');
  await bring('twice', EXAMPLES);
  const before = await log();
  await bring('twice', EXAMPLES);
  assert.equal(await log(), before);
});

test('an answer is an answer, and can be read in the browser', async () => {
  const answered = deliveries.find((delivery) => delivery.action === 'answered');
  const file = path.join(data.folder, 'answered.json');
  await writeFile(file, JSON.stringify(answered));
  await prepare('answered');
  await bring('answered', file);
  await imported('answered', async (hub) => {
    const { threads } = await ask(hub, THREADS);
    assert.equal(threads.nodes.length, 1);
    assert.equal(threads.nodes[0].answered, true);
    assert.deepEqual(threads.nodes[0].posts.nodes.filter((post) => post.isAnswer).map((post) => post.body), [answered.answer.body]);
    const browser = await launch();
    try {
      const page = await open(browser);
      await page.goto(hub.url);
      await page.getByRole('link', { name: answered.discussion.title }).first().click();
      await page.getByRole('heading', { level: 1, name: answered.discussion.title }).waitFor();
      await page.getByText(answered.answer.body).first().waitFor();
      await page.getByText(answered.answer.user.login).first().waitFor();
    } finally {
      await browser.close();
    }
  });
});

test('a malformed record is reported with its place and does not stop the rest', async () => {
  const good = deliveries.find((delivery) => delivery.action === 'created' && !delivery.comment);
  const file = path.join(data.folder, 'malformed.json');
  await writeFile(file, JSON.stringify([{ action: 'created', discussion: { ...good.discussion, title: 7 }, repository: good.repository }, good]));
  await prepare('malformed');
  const outcome = await bring('malformed', file).catch((error) => error);
  const said = `${outcome.stdout}${outcome.stderr}`;
  assert.ok(said.includes('$[0].discussion.title'), said);
  await imported('malformed', async (hub) => {
    const { threads } = await ask(hub, THREADS);
    assert.deepEqual(threads.nodes.map((thread) => thread.title), [good.discussion.title]);
  });
});
