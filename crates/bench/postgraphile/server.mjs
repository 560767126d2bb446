// PostGraphile on the hub's views, as its documentation says for production: one process a core, prepared statements, no
// explanations, no query page. It reads only, and it asks nobody who they are: every row is shown to everyone.
//
// The address of the database is in DATABASE_URL. The first line of the output is the address that it listens on.

import cluster from "node:cluster";
import { createServer } from "node:http";
import { availableParallelism } from "node:os";

import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { makePgService } from "postgraphile/adaptors/pg";
import { makePgSmartTagsPlugin } from "postgraphile/utils";
import { postgraphile } from "postgraphile";
import { grafserv } from "postgraphile/grafserv/node";

// As many connections as the hub holds, over all processes.
const CONNECTIONS = 16;
const WORKERS = availableParallelism();

// The views have no foreign keys, for each follows the log at its own pace. These say what refers to what.
const REFERENCES = {
  thread: ["(author) references person (id)", "(category) references category (id)", "(community) references community (id)"],
  person: ["(organisation) references organisation (id)"],
};

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [
    makePgSmartTagsPlugin(
      Object.entries(REFERENCES).map(([table, foreignKey]) => ({
        kind: "class",
        match: `views.${table}`,
        tags: { foreignKey },
      })),
    ),
  ],
  disablePlugins: ["PgMutationCreatePlugin", "PgMutationUpdateDeletePlugin"],
  pgServices: [
    makePgService({
      connectionString: process.env.DATABASE_URL,
      schemas: ["views"],
      poolConfig: { max: Math.ceil(CONNECTIONS / WORKERS) },
    }),
  ],
  grafserv: { graphiql: false, watch: false, websockets: false },
  grafast: { explain: false },
};

if (cluster.isPrimary) {
  let ready = 0;
  for (let i = 0; i < WORKERS; i += 1) cluster.fork();
  cluster.on("exit", () => process.exit(1));
  cluster.on("listening", (_, address) => {
    ready += 1;
    if (ready === WORKERS) console.log(`http://127.0.0.1:${address.port}/graphql`);
  });
  // Whoever started it has gone.
  process.stdin.resume().on("end", () => process.exit(0));
} else {
  const instance = postgraphile(preset);
  const server = createServer();
  await instance.createServ(grafserv).addTo(server);
  // Port 0 is one free port for all the processes.
  server.listen(0, "127.0.0.1");
}
