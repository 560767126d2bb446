// Starts GraphiQL on the hub's own API. The header shows that requests come from here and not from a foreign page.
"use strict";
const fetcher = GraphiQL.createFetcher({ url: "/graphql", headers: { "Hub-Request": "1" } });
ReactDOM.createRoot(document.getElementById("graphiql")).render(React.createElement(GraphiQL, { fetcher, defaultEditorToolsVisibility: true }));
