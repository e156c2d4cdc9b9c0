// Reading needs none of this: it adds players, comparing, sorting, keys and links into the page.
"use strict";
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (tag, properties = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties))
      name in node ? (node[name] = value) : node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const button = (text, click) => make("button", { type: "button", textContent: text, onclick: click });
  const rate = (text) => {
    const [up, down = 1] = String(text || "").split("/").map(Number);
    return up > 0 && down > 0 ? up / down : 25;
  };
  document.documentElement.classList.add("js");

  // --- commands to copy --------------------------------------------------------------------------------------
  for (const copy of all("button.copy"))
    copy.onclick = async () => {
      const text = copy.previousElementSibling.textContent;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        getSelection().selectAllChildren(copy.previousElementSibling);
        document.execCommand("copy");
      }
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy"), 1500);
    };

  // --- players -----------------------------------------------------------------------------------------------
  const video = (src, label, more = {}) =>
    make("video", { src, playsInline: true, preload: "auto", "aria-label": label, ...more });
  const play = (link) => {
    const player = video(link.href, link.getAttribute("aria-label"), { controls: true, className: "inline" });
    link.replaceWith(player);
    player.focus();
    player.play().catch(() => {});
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-play]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    play(link);
  });

  // --- a wipe and a difference of two layers -----------------------------------------------------------------
  const staged = (under, over, label) => {
    over.classList.add("over");
    const stage = make("div", { className: "stage" }, under, over, make("div", { className: "bar" }));
    const range = make("input", { type: "range", min: 0, max: 100, step: 0.5, value: 50, className: "range", "aria-label": label });
    range.oninput = () => {
      const name = stage.classList.contains("difference") ? "--gain" : "--wipe";
      stage.style.setProperty(name, name === "--gain" ? 1 + range.value / 6 : `${range.value}%`);
    };
    stage.onpointermove = (event) => {
      if (!event.buttons || stage.classList.contains("difference")) return;
      const box = stage.getBoundingClientRect();
      range.value = (100 * (event.clientX - box.left)) / box.width;
      range.oninput();
    };
    const difference = (on) => {
      stage.classList.toggle("difference", on);
      range.setAttribute("aria-label", on ? "How much the difference is amplified" : label);
    };
    return { stage, range, difference };
  };

  // --- seams -------------------------------------------------------------------------------------------------
  const compareSeam = (seam, pressed) => {
    const place = one(".compare", seam);
    if (pressed.getAttribute("aria-pressed") === "true") return shut(seam);
    shut(seam);
    pressed.setAttribute("aria-pressed", "true");
    const image = (src, alt) => make("img", { src, alt });
    const both = staged(image(seam.dataset.left, seam.dataset.leftName ?? "Last frame before the seam"), image(seam.dataset.right, seam.dataset.rightName ?? "First frame after it"), seam.dataset.wipe ?? "Where the wipe is: the frame before the seam on the left");
    both.difference(pressed.classList.contains("difference"));
    place.append(both.stage, both.range);
  };
  const shut = (seam) => {
    const place = one(".compare", seam);
    for (const player of all("video", place)) player.pause();
    place.replaceChildren();
    for (const other of all("button[aria-pressed]", seam)) other.setAttribute("aria-pressed", "false");
  };
  const loopSeam = (seam, pressed) => {
    if (pressed.getAttribute("aria-pressed") === "true") return shut(seam);
    shut(seam);
    pressed.setAttribute("aria-pressed", "true");
    const { a, b, end, start } = seam.dataset;
    const out = Number(end) / rate(seam.dataset.fpsA), into = Number(start) / rate(seam.dataset.fpsB);
    const half = 0.5 / rate(seam.dataset.fpsB);
    const before = video(a, "The last second before the seam", { muted: true });
    const after = video(b, "The first second after the seam", { muted: true });
    const stage = make("div", { className: "stage" }, before, after);
    const show = (player) => {
      before.style.visibility = player === before ? "visible" : "hidden";
      after.style.visibility = player === after ? "visible" : "hidden";
    };
    one(".compare", seam).append(stage);
    const seek = (player, time) => new Promise((done) => {
      player.addEventListener("seeked", done, { once: true });
      player.currentTime = Math.max(time, 0);
    });
    const begin = async () => {
      await Promise.all([seek(before, out - 1), seek(after, into + half)]);
      show(before);
      before.play().catch(() => {});
    };
    const watch = () => {
      if (!stage.isConnected) return;
      if (!before.paused && (before.currentTime >= out - half || before.ended)) {
        before.pause();
        show(after);
        after.play().catch(() => {});
        stage.dataset.crossed = Number(stage.dataset.crossed || 0) + 1;
      } else if (!after.paused && (after.currentTime >= into + 1 || after.ended)) {
        after.pause();
        begin();
      }
      requestAnimationFrame(watch);
    };
    Promise.all([before, after].map((player) => player.readyState > 0 || new Promise((done) => player.addEventListener("loadedmetadata", done, { once: true })))).then(begin).then(watch);
  };
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest(".seam button");
    if (!pressed) return;
    (pressed.classList.contains("loop") ? loopSeam : compareSeam)(pressed.closest(".seam"), pressed);
  });

  // --- clips side by side, in step ---------------------------------------------------------------------------
  const inStep = (players, fps, onTime) => {
    const [first] = players;
    let running = false;
    const seek = (time) => Promise.all(players.map((player) => new Promise((done) => {
      const to = Math.min(Math.max(time, 0), player.duration || time);
      if (Math.abs(player.currentTime - to) < 1e-4 && !player.seeking) return done();
      player.addEventListener("seeked", done, { once: true });
      player.currentTime = to;
    })));
    const stop = () => {
      running = false;
      for (const player of players) { player.pause(); player.playbackRate = 1; }
    };
    const follow = () => {
      if (!running) return;
      for (const player of players.slice(1)) {
        const off = player.currentTime - first.currentTime;
        if (Math.abs(off) > 2 / fps && !player.ended && !player.seeking) player.currentTime = first.currentTime;
        else player.playbackRate = Math.abs(off) < 0.004 ? 1 : Math.min(1.5, Math.max(0.5, 1 - 8 * off));
      }
      onTime(first.currentTime);
      if (first.ended) return seek(0).then(() => players.forEach((player) => player.play())).then(() => requestAnimationFrame(follow));
      requestAnimationFrame(follow);
    };
    const start = async () => {
      await seek(first.ended ? 0 : first.currentTime);
      running = true;
      await Promise.all([...players].reverse().map((player) => player.play().catch(() => {})));
      follow();
    };
    return {
      toggle: () => (running ? stop() : start()),
      isRunning: () => running,
      stop,
      to: async (time) => { stop(); await seek(time); onTime(first.currentTime); },
      step: async (frames) => {
        stop();
        const number = Math.floor(first.currentTime * fps + 1e-3) + frames;
        await seek((Math.max(number, 0) + 0.5) / fps);
        onTime(first.currentTime);
      },
    };
  };

  const openCompare = (cells) => {
    const clips = cells.map((cell) => ({ src: cell.dataset.clip, label: cell.dataset.label, fps: rate(cell.dataset.fps) }));
    const players = clips.map((clip) => video(clip.src, clip.label, { muted: true }));
    const fps = clips[0].fps;
    const dialog = make("dialog", { "aria-label": "Clips side by side" });
    const place = make("div");
    const time = make("output", { className: "mono" });
    const range = make("input", { type: "range", min: 0, max: 1, step: 0.001, value: 0, className: "range", "aria-label": "Time in all clips" });
    range.style.maxWidth = "none";
    const toggle = button("Play", () => steps.toggle());
    const steps = inStep(players, fps, (now) => {
      range.value = now;
      time.textContent = `frame ${Math.floor(now * fps + 1e-3)} · ${now.toFixed(2)} s`;
      toggle.textContent = steps.isRunning() ? "Pause" : "Play";
    });
    players[0].addEventListener("loadedmetadata", () => (range.max = Math.max(players[0].duration - 0.5 / fps, 0.001)));
    range.oninput = () => steps.to(Number(range.value));
    const modes = {};
    const show = (mode) => {
      const plays = steps.isRunning();
      if (plays) steps.stop(); // a player that is moved to another place stops
      for (const [name, one] of Object.entries(modes)) one.setAttribute("aria-pressed", name === mode);
      for (const player of players) player.classList.remove("over");
      if (mode === "side") {
        place.replaceChildren(make("div", { className: "side" }, ...players.map((player, at) => make("figure", {}, player, make("figcaption", { textContent: clips[at].label })))));
      } else {
        const both = staged(players[0], players[1], "Where the wipe is");
        both.difference(mode === "difference");
        place.replaceChildren(both.stage, both.range, make("p", { className: "small dim", textContent: `${clips[0].label} | ${clips[1].label}` }));
      }
      if (plays) steps.toggle();
    };
    modes.side = button("Side by side", () => show("side"));
    modes.wipe = button("Wipe", () => show("wipe"));
    modes.difference = button("Difference", () => show("difference"));
    const close = button("Close", () => dialog.close());
    dialog.append(
      make("div", { className: "flex" }, toggle, button("◀ frame", () => steps.step(-1)), button("frame ▶", () => steps.step(1)), modes.side, modes.wipe, modes.difference, time, close),
      range, place,
      make("p", { className: "small dim", textContent: "Keys: space plays, ← → steps a frame (with Shift a second), s w d choose the view, Esc closes." }),
    );
    dialog.onkeydown = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target === range || event.target.type === "range") return;
      const key = event.key;
      if (key === " " && event.target.tagName !== "BUTTON") steps.toggle();
      else if (key === "ArrowLeft" || key === "ArrowRight") {
        const sign = key === "ArrowLeft" ? -1 : 1;
        event.shiftKey ? steps.to(players[0].currentTime + sign) : steps.step(sign);
      } else if (key === "s" || key === "w" || key === "d") show({ s: "side", w: "wipe", d: "difference" }[key]);
      else return;
      event.preventDefault();
    };
    dialog.onclose = () => { steps.stop(); dialog.remove(); };
    document.body.append(dialog);
    show("side");
    dialog.showModal();
    toggle.focus();
    steps.to(0);
  };

  // --- the matrix of a sweep ---------------------------------------------------------------------------------
  const matrix = one(".matrix");
  if (matrix) {
    const jobs = all(".job", matrix);
    for (const job of jobs) job.values = JSON.parse(job.dataset.values);
    const [sort, state, group] = ["sort", "state", "group"].map((name) => one(`#${name}`));
    const filter = one("#filter"), shown = one("#shown"), compare = one("#compare");
    const by = (name) => (a, b) => {
      const [x, y] = [a.values[name] ?? null, b.values[name] ?? null];
      if (x === null || y === null) return (x === null) - (y === null);
      return (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true })) || a.values.job - b.values.job;
    };
    const arrange = () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const sorted = [...jobs].sort(by(sort.value.slice(1)));
      if (sort.value[0] === "-") sorted.reverse();
      if (group.value) sorted.sort(by(group.value));
      matrix.replaceChildren();
      let last, count = 0;
      for (const job of sorted) {
        const text = job.dataset.text.toLowerCase();
        job.hidden = !(words.every((word) => text.includes(word)) && (!state.value || job.values.state === state.value));
        if (!job.hidden) count++;
        const of = group.value ? String(job.values[group.value] ?? "none") : "";
        if (group.value && of !== last && !job.hidden) matrix.append(make("li", { className: "group", textContent: `${group.value.replace(/^key: /, "")} = ${of}` }));
        if (!job.hidden) last = of;
        matrix.append(job);
      }
      shown.textContent = `${count} of ${jobs.length} jobs`;
    };
    for (const control of [sort, state, group, filter]) control.oninput = arrange;
    const picked = () => all("input.pick:checked").map((box) => box.closest("[data-clip]"));
    document.addEventListener("change", (event) => {
      if (!event.target.matches("input.pick")) return;
      const count = picked().length;
      if (count > 4) event.target.checked = false;
      compare.disabled = count < 2;
      compare.textContent = `Compare ${Math.min(count, 4)} side by side`;
    });
    compare.onclick = () => openCompare(picked().slice(0, 4));
    one("#clear").onclick = () => {
      for (const box of all("input.pick:checked")) box.checked = false;
      compare.disabled = true;
      compare.textContent = "Compare side by side";
    };
    arrange();
  }

  // --- links into the page, and keys -------------------------------------------------------------------------
  const places = () => all("[data-shot]").filter((place) => !place.closest("[hidden]"));
  const goTo = (place) => {
    for (const other of all(".target")) other.classList.remove("target");
    if (!place) return;
    place.classList.add("target");
    place.tabIndex = -1;
    place.focus({ preventScroll: true });
    place.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  };
  const follow = () => {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const [shot, job, seam] = ["shot", "job", "seam"].map((name) => wanted.get(name));
    if (seam) return goTo(all("[data-seam]").find((place) => named(place.dataset.seam, seam)));
    if (job !== null && matrix) {
      const column = all(".job").find((place) => place.dataset.job === job);
      return goTo((shot && column && all("[data-shot]", column).find((place) => named(place.dataset.shot, shot))) || column);
    }
    if (shot) goTo(places().find((place) => named(place.dataset.shot, shot)));
  };
  const named = (full, name) => full === name || full.endsWith(`/${name}`);
  addEventListener("hashchange", follow);
  if (location.hash) follow();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, video, dialog, textarea")) return;
    const among = places(), at = among.findIndex((place) => place.classList.contains("target"));
    if (event.key === "j" || event.key === "k") {
      const next = among[Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), among.length - 1)];
      if (next) {
        goTo(next);
        history.replaceState(null, "", one("a[href^='#']", next)?.getAttribute("href") || location.hash);
      }
    } else if (event.key === "p" && at >= 0) {
      const link = one("a[data-play]", among[at]);
      if (link) play(link);
    } else if (event.key === "x" && at >= 0) {
      const box = one("input.pick", among[at]);
      if (box) box.click();
    } else if (event.key === "c" && one("#compare")) one("#compare").click();
    else return;
    event.preventDefault();
  });
})();
