// The query page: sends what is in the form to /graphql, or follows a subscription at /graphql/stream.
"use strict";
const element = (id) => document.getElementById(id);
const form = element("form"), query = element("query"), variables = element("variables"), token = element("token");
const run = element("run"), stop = element("stop"), status = element("status"), result = element("result");
let running = null;

const show = (value) => { result.textContent = typeof value === "string" ? value : JSON.stringify(value, null, 2); };

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (running) running.abort();
  let values;
  try {
    values = JSON.parse(variables.value.trim() || "{}");
  } catch (error) {
    status.textContent = "The variables are not valid JSON: " + error.message;
    variables.focus();
    return;
  }
  const live = /(^|[\s}])subscription\b/.test(query.value);
  const headers = { "Content-Type": "application/json", "Hub-Request": "1", "Accept": live ? "text/event-stream" : "application/graphql-response+json" };
  if (token.value) headers.Authorization = "Bearer " + token.value.trim();
  const mine = running = new AbortController();
  stop.disabled = false;
  status.textContent = live ? "Following …" : "Running …";
  show("");
  const started = performance.now();
  try {
    const answer = await fetch(live ? "/graphql/stream" : "/graphql", { method: "POST", headers, body: JSON.stringify({ query: query.value, variables: values }), signal: mine.signal });
    if (answer.headers.get("Content-Type").startsWith("text/event-stream")) {
      await follow(answer);
      status.textContent = "The stream has ended.";
    } else {
      show(await answer.json());
      const cost = answer.headers.get("Hub-Cost");
      status.textContent = "Status " + answer.status + " after " + Math.round(performance.now() - started) + " ms" + (cost ? ", cost " + cost : "") + ".";
    }
  } catch (error) {
    status.textContent = error.name === "AbortError" ? "Stopped." : "The hub did not answer: " + error.message;
  } finally {
    if (running === mine) { running = null; stop.disabled = true; }
  }
});

async function follow(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "", seen = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    let end;
    while ((end = text.indexOf("\n\n")) >= 0) {
      const event = text.slice(0, end);
      text = text.slice(end + 2);
      const data = event.split("\n").find((line) => line.startsWith("data: "));
      if (!data) continue;
      seen += 1;
      status.textContent = "Following: " + seen + " so far.";
      result.textContent += JSON.stringify(JSON.parse(data.slice(6)), null, 2) + "\n";
    }
  }
}

stop.addEventListener("click", () => { if (running) running.abort(); });
query.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(run); }
});
