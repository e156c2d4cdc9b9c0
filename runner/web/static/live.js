// Keeps a page up to date: when the server says that something changed, the page is fetched again, and the parts of it
// that differ (data-live) take the place of the old ones. What did not change, such as a playing clip, stays as it is.
"use strict";
(() => {
  const status = document.getElementById("connection");
  if (!status) return;
  let waiting = false, again = false;

  function say(text, level) {
    if (status.textContent !== text) status.textContent = text;
    status.dataset.level = level;
  }

  async function refresh() {
    if (waiting) { again = true; return; }
    waiting = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the stream says when the server is back */ }
    // A run may report many steps a second; a person reads one.
    setTimeout(() => { waiting = false; if (again) { again = false; refresh(); } }, 500);
  }

  function take(fresh) {
    const now = [...document.querySelectorAll("[data-live]")];
    const next = [...fresh.querySelectorAll("[data-live]")];
    const same = now.length === next.length && now.every((part, at) => part.id === next[at].id);
    if (!same) {
      // Parts came or went: a run folder appeared, a film is there.
      document.querySelector("main").replaceWith(document.adoptNode(fresh.querySelector("main")));
      const events = fresh.getElementById("connection").dataset.events;
      if (events !== status.dataset.events) { status.dataset.events = events; connect(); }
      return;
    }
    now.forEach((part, at) => {
      if (part.outerHTML !== next[at].outerHTML && !part.contains(document.activeElement)) {
        part.replaceWith(document.adoptNode(next[at]));
      }
    });
  }

  let source = null;
  function connect() {
    if (source) source.close();
    source = new EventSource(status.dataset.events);
    // After a break the page is fetched whole, so nothing is missed.
    source.addEventListener("open", () => { say("Live", "live"); refresh(); });
    source.addEventListener("error", () => say("The server does not answer: trying again", "lost"));
    for (const kind of ["run", "state", "changed"]) source.addEventListener(kind, refresh);
    source.addEventListener("end", () => { source.close(); say("Up to date: it has ended", "ended"); refresh(); });
  }
  connect();
})();
