// The hub's pages work without this. It adds: times in the reader's own zone, live replies, preview without
// reloading, drafts kept in the browser, a question before unsent words are lost, and a button that copies a new token.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// ---- Times in the reader's zone, with the zone named ------------------------------------------------------------

const zoned = (month) => new Intl.DateTimeFormat("en-GB", { day: "numeric", month, year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
const clocks = { long: zoned("long"), short: zoned("short") };

function localTimes(root) {
  for (const time of all("time[data-local]", root)) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) {
      time.textContent = clocks[time.dataset.local || "long"].format(at);
      time.title = at.toUTCString();
    }
  }
}

// ---- Drafts: kept until they are sent ----------------------------------------------------------------------------

const drafts = {
  key: (form) => `hub-draft:${form.dataset.draftForm}`,
  read(form) {
    try {
      return JSON.parse(localStorage.getItem(this.key(form)) || "null");
    } catch {
      return null;
    }
  },
  write(form, fields) {
    try {
      if (fields) localStorage.setItem(this.key(form), JSON.stringify(fields));
      else localStorage.removeItem(this.key(form));
    } catch {
      // A full or forbidden store only means that there are no drafts.
    }
  },
};

const kept = (form) => all("input[type=text], textarea", form);
const unsent = new Set();
let leaving = false;

function keepDraft(form) {
  const restored = drafts.read(form);
  const untouched = kept(form).every((field) => field.value === field.defaultValue) && !document.querySelector(".error-summary, #preview");
  if (restored && untouched) {
    let changed = false;
    for (const field of kept(form)) {
      const text = restored[field.name];
      if (typeof text === "string" && text.trim() && text !== field.value) {
        field.value = text;
        changed = true;
      }
    }
    if (changed) {
      const note = document.createElement("p");
      note.className = "note calm small";
      note.setAttribute("role", "status");
      note.textContent = "This is a draft that you had not sent. ";
      const drop = document.createElement("button");
      drop.type = "button";
      drop.className = "chip flat";
      drop.textContent = "Discard it";
      drop.addEventListener("click", () => {
        for (const field of kept(form)) field.value = field.defaultValue;
        drafts.write(form, null);
        unsent.delete(form);
        note.remove();
      });
      note.append(drop);
      form.prepend(note);
    }
  }
  let timer;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const changed = kept(form).some((field) => field.value.trim() && field.value !== field.defaultValue);
      drafts.write(form, changed ? Object.fromEntries(kept(form).map((field) => [field.name, field.value])) : null);
    }, 400);
  });
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (!(event.submitter && event.submitter.value === "preview")) drafts.write(form, null);
  });
}

// ---- A question before unsent words are lost ---------------------------------------------------------------------

function guard(form) {
  form.addEventListener("input", () => {
    const changed = kept(form).some((field) => field.value.trim() && field.value !== field.defaultValue);
    if (changed) unsent.add(form);
    else unsent.delete(form);
  });
  form.addEventListener("submit", () => {
    leaving = true;
  });
}

addEventListener("beforeunload", (event) => {
  if (unsent.size > 0 && !leaving) event.preventDefault();
});
addEventListener("pageshow", () => {
  leaving = false;
});

// ---- Preview without reloading -----------------------------------------------------------------------------------

function preview(form) {
  const button = form.querySelector('button[value="preview"]');
  const text = form.querySelector("textarea[data-markdown]");
  const token = form.querySelector('input[name="form_token"]');
  if (!button || !text || !token) return;
  button.addEventListener("click", async (event) => {
    if (!text.value.trim()) return;
    event.preventDefault();
    button.disabled = true;
    try {
      const answer = await fetch("/preview", {
        method: "POST",
        headers: { "x-hub-fragment": "preview" },
        body: new URLSearchParams({ form_token: token.value, body: text.value }),
      });
      if (!answer.ok) throw new Error(answer.statusText);
      const html = await answer.text();
      let place = form.querySelector(".preview");
      if (!place) {
        place = document.createElement("section");
        place.className = "preview";
        place.tabIndex = -1;
        place.setAttribute("aria-label", "Preview");
        const head = document.createElement("h3");
        head.textContent = "Preview: not sent yet";
        const prose = document.createElement("div");
        prose.className = "prose";
        place.append(head, prose);
        (text.closest(".field") || text).after(place);
      }
      // The server has sanitised it, as it does every post; the page's policy allows no script in it either.
      place.querySelector(".prose").innerHTML = html;
      place.focus();
    } catch {
      // The long way: the form itself asks for the preview.
      form.requestSubmit(Object.assign(button, { disabled: false }));
    } finally {
      button.disabled = false;
    }
  });
}

function forms(root) {
  for (const form of all("form", root)) {
    if (!form.querySelector("textarea[data-draft]")) continue;
    if (form.dataset.draftForm) keepDraft(form);
    guard(form);
    preview(form);
  }
}

// ---- Reactions: chosen in place, where the link would lead to the post's own page ------------------------------------

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-react]");
  const reactions = document.getElementById("reactions");
  if (!link || !reactions || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const form = link.closest("form");
  const open = form.querySelector(".picker-row");
  for (const row of all(".post-foot .picker-row")) row.remove();
  if (open) return;
  const row = reactions.content.querySelector(".picker-row").cloneNode(true);
  row.removeAttribute("id");
  form.append(row);
  row.querySelector("button").focus();
});

document.addEventListener("keydown", (event) => {
  const row = event.key === "Escape" && event.target.closest(".post-foot .picker-row");
  if (!row) return;
  row.closest("form").querySelector("[data-react]").focus();
  row.remove();
});

// ---- Live replies ------------------------------------------------------------------------------------------------

const SUBSCRIPTION = `subscription ThreadLive($thread: ID!, $after: String) {
  threadActivity(thread: $thread, after: $after) { position kind post { id replyTo { id } } }
}`;

class Live {
  constructor(place) {
    this.place = place;
    this.thread = place.dataset.live;
    this.position = place.dataset.position;
    this.fresh = [];
    this.wait = 1000;
  }

  async run() {
    for (;;) {
      try {
        await this.shown();
        await this.listen();
        this.wait = 1000;
      } catch (error) {
        if (error && error.final) return;
        if (document.hidden) continue;
      }
      // Spread out, so that a restarted hub is not called by everyone at once.
      await new Promise((done) => setTimeout(done, this.wait * (0.5 + Math.random())));
      this.wait = Math.min(this.wait * 2, 60000);
    }
  }

  // A page that nobody looks at holds no connection: browsers grant only a few. What was missed comes when it is looked at again.
  shown() {
    if (!document.hidden) return Promise.resolve();
    return new Promise((done) => document.addEventListener("visibilitychange", done, { once: true })).then(() => this.shown());
  }

  async listen() {
    const hidden = new AbortController();
    document.addEventListener("visibilitychange", () => document.hidden && hidden.abort(), { signal: hidden.signal });
    const answer = await fetch("/graphql/stream", {
      method: "POST",
      signal: hidden.signal,
      headers: { "content-type": "application/json", accept: "text/event-stream", "hub-request": "1" },
      body: JSON.stringify({ query: SUBSCRIPTION, variables: { thread: this.thread, after: this.position } }),
    });
    if (!answer.ok || !answer.body) throw Object.assign(new Error(answer.statusText), { final: answer.status < 500 && answer.status !== 429 });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.wait = 1000;
      buffer = (buffer + value).replace(/\r\n?/g, "\n");
      let end;
      while ((end = buffer.indexOf("\n\n")) >= 0) {
        await this.event(buffer.slice(0, end));
        buffer = buffer.slice(end + 2);
      }
    }
  }

  async event(block) {
    const lines = block.split("\n");
    const field = (name) => lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, "")).join("\n");
    if (field("event") !== "next") return;
    const answer = JSON.parse(field("data"));
    const activity = answer.data && answer.data.threadActivity;
    if (!activity) return;
    this.position = activity.position;
    const post = activity.post;
    if (activity.kind === "REPLIED" && post) await this.show(post, false);
    else if (post && document.getElementById(`post-${post.id}`)) await this.show(post, true);
  }

  async show(post, replace) {
    const old = document.getElementById(`post-${post.id}`);
    if (Boolean(old) !== replace) return;
    const answer = await fetch(`/threads/${encodeURIComponent(this.thread)}/posts/${encodeURIComponent(post.id)}`, { headers: { "x-hub-fragment": "post" } });
    if (!answer.ok) return;
    const made = document.createElement("template");
    made.innerHTML = await answer.text();
    const item = made.content.querySelector("li");
    if (!item) return;
    localTimes(item);
    scrollers(item);
    if (replace) this.renew(old, item.querySelector(".post"));
    else this.add(item, post);
  }

  // What changed in a post is exchanged, but never under the reader's hands, and never what they are writing.
  renew(old, now) {
    for (const part of [".prose", ".post-head", ".post-foot"]) {
      const from = old.querySelector(`:scope > ${part}`);
      const to = now.querySelector(`:scope > ${part}`);
      if (from && to && !from.contains(document.activeElement)) from.replaceWith(to);
    }
    old.classList.toggle("answer", now.classList.contains("answer"));
  }

  add(item, post) {
    const parent = post.replyTo && document.getElementById(`post-${post.replyTo.id}`);
    const list = parent ? parent.querySelector(":scope > .replies") : document.getElementById("posts");
    if (!list) return;
    forms(item);
    list.hidden = false;
    // New posts go below what is read, so the page does not move; where one is put in above, the browser holds the place.
    list.append(item);
    this.fresh.push(item.querySelector(".post"));
    const heading = document.querySelector("[data-replies]");
    const count = Number(heading.dataset.replies) + 1;
    heading.dataset.replies = count;
    heading.textContent = count === 1 ? "1 reply" : `${count} replies`;
    this.announce();
  }

  announce() {
    const count = this.fresh.length;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = count === 1 ? "1 new reply" : `${count} new replies`;
    button.addEventListener("click", () => {
      const [first] = this.fresh;
      this.fresh = [];
      this.place.replaceChildren();
      first.tabIndex = -1;
      first.scrollIntoView({ block: "center" });
      first.focus({ preventScroll: true });
    });
    this.place.replaceChildren(button);
  }
}

// ---- Start -------------------------------------------------------------------------------------------------------

function copyButtons() {
  if (!navigator.clipboard) return;
  for (const place of all("[data-copy]")) {
    const button = place.querySelector("button");
    place.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(place.dataset.copy).textContent.trim());
      button.textContent = "Copied";
    });
  }
}

// What scrolls sideways can be reached by keyboard.
function scrollers(root) {
  for (const part of all(".prose table", root)) {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
  }
}

localTimes(document);
scrollers(document);
forms(document);
copyButtons();
const focus = document.querySelector("[data-focus]");
if (focus) focus.focus();
const live = document.querySelector("[data-live]");
if (live) new Live(live).run();
