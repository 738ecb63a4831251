"use strict";
(() => {
  const root = document.documentElement;
  const all = (what, from = document) => [...from.querySelectorAll(what)];
  const one = (what, from = document) => from.querySelector(what);
  const panel = one("#panel"), tools = one(".tools"), bars = all(".bar");
  let opener = null;
  root.classList.add("js");

  // Grids: one stop for the tab key in each, arrows inside and on to the next.
  for (const table of all("table.cells")) {
    table.setAttribute("role", "grid");
    all(".bar", table).forEach((bar, place) => { bar.tabIndex = place ? -1 : 0; });
  }
  const shown = (element) => element.offsetParent !== null;
  const own = (row) => all(".bar", row).filter(shown);
  const lines = () => all("table.cells tbody tr").filter((row) => shown(row) && own(row).length);
  const persona = (bar) => bar.parentElement.dataset.persona;
  const stop = (bar) => {
    for (const other of all(".bar", bar.closest("table"))) other.tabIndex = other === bar ? 0 : -1;
  };
  const go = (bar) => { if (bar) { stop(bar); bar.focus(); } };
  const beside = (bar, row) => {
    const there = own(row);
    return there.find((other) => persona(other) === persona(bar))
      || there[Math.min(own(bar.closest("tr")).indexOf(bar), there.length - 1)];
  };
  const target = (bar, event) => {
    const row = bar.closest("tr"), line = own(row), place = line.indexOf(bar);
    const rows = lines(), at = rows.indexOf(row), last = rows.length - 1;
    const down = (steps) => beside(bar, rows[Math.max(0, Math.min(last, at + steps))]);
    switch (event.key) {
      case "ArrowLeft": return line[Math.max(0, place - 1)];
      case "ArrowRight": return line[Math.min(line.length - 1, place + 1)];
      case "ArrowUp": return down(-1);
      case "ArrowDown": return down(1);
      case "PageUp": return down(-10);
      case "PageDown": return down(10);
      case "Home": return event.ctrlKey ? own(rows[0])[0] : line[0];
      case "End": return event.ctrlKey ? own(rows[last]).at(-1) : line.at(-1);
      default: return null;
    }
  };

  // Evidence: a copy of what stands in the page, beside the grid.
  const fill = (article) => {
    const body = one(".body", panel), copy = article.cloneNode(true);
    one("#panel-name").textContent = one("h3", copy).textContent;
    one("h3", copy).remove();
    one(".close", copy).remove();
    const more = one(".more", copy);
    if (more) {
      const about = document.getElementById(one("a", more).hash.slice(1)).cloneNode(true);
      about.removeAttribute("id");
      more.replaceWith(about);
    }
    body.replaceChildren(...copy.childNodes);
    body.scrollTop = 0;
  };
  const mark = (id) => bars.forEach((bar) => {
    if (bar.hash === "#" + id) bar.setAttribute("aria-current", "true");
    else bar.removeAttribute("aria-current");
  });
  const open = (article, from) => {
    fill(article);
    mark(article.id);
    opener = from;
    const before = from.getBoundingClientRect().top;
    root.classList.add("open");
    if (!panel.open) panel.show();
    // The page has made room: what was opened stays where it was.
    scrollBy({ top: from.getBoundingClientRect().top - before, behavior: "instant" });
    history.replaceState(null, "", "#" + article.id);
    one("#panel-name").focus({ preventScroll: true });
  };
  const close = () => {
    panel.close();
    root.classList.remove("open");
    mark("");
    history.replaceState(null, "", location.pathname + location.search);
    if (opener && shown(opener)) opener.focus();
  };
  const evidence = (hash) => {
    const there = document.getElementById(decodeURIComponent(hash.slice(1)));
    return there && there.classList.contains("evidence") ? there : null;
  };
  const arrive = () => {
    const article = location.hash && evidence(location.hash);
    if (!article) return;
    const bar = bars.find((other) => other.hash === "#" + article.id);
    stop(bar);
    bar.scrollIntoView({ block: "center" });
    open(article, bar);
  };

  // Filters: what does not match goes, or fades where its row has something that does.
  const apply = () => {
    const { words: typed, table, persona: who, outcome } = Object.fromEntries(new FormData(tools));
    const wanted = split(typed);
    const look = outcome === "wrong" ? "wrong" : looks[outcome];
    let count = 0;
    for (const cell of all("table.cells [data-persona]")) {
      cell.hidden = Boolean(who) && cell.dataset.persona !== who;
    }
    for (const bar of bars) {
      const fits = !bar.parentElement.hidden && wanted.every((word) => holds(bar, word));
      let hits = 0;
      for (const seg of bar.children) {
        const hit = fits && (!look || seg.classList.contains(look));
        seg.classList.toggle("dim", !hit);
        if (hit) hits += Number(seg.style.getPropertyValue("--n"));
      }
      bar.dataset.hits = hits;
    }
    for (const grid of all(".grid")) {
      grid.hidden = Boolean(table) && grid.dataset.table !== table;
      let any = false, above = "";
      for (const row of all("tbody tr", grid)) {
        const hits = all(".bar", row).reduce((sum, bar) => sum + Number(bar.dataset.hits), 0);
        row.hidden = !hits;
        if (hits) {
          // The command stands at the first of its rows that is left.
          const command = one("b", row).textContent;
          row.classList.toggle("first", command !== above);
          above = command;
        }
        any ||= hits > 0;
        if (!grid.hidden) count += hits;
      }
      grid.hidden ||= !any;
      const first = any && all(".bar", grid).find((bar) => bar.tabIndex === 0);
      if (first && !shown(first)) { const next = all(".bar", grid).find(shown); if (next) stop(next); }
    }
    one(".nothing").hidden = count > 0;
    const total = bars.reduce((sum, bar) => sum + all(".seg", bar)
      .reduce((n, seg) => n + Number(seg.style.getPropertyValue("--n")), 0), 0);
    one("output", tools).textContent = `${count.toLocaleString("en")} of ${total.toLocaleString("en")} cells`;
  };
  const looks = {};
  for (const entry of all(".matrix > .legend > span")) {
    const tile = one(".seg", entry);
    if (tile) looks[entry.textContent.slice(tile.textContent.length + 1).trim()] = tile.classList[1];
  }
  // A word that some cell has is meant whole: "update" is not "updated_at".
  const split = (text) => text.toLowerCase().split(/[\s,:;]+/).filter(Boolean);
  const words = new Map(bars.map((bar) => [bar, new Set(split(
    bar.getAttribute("aria-label") + " " + all(".seg", bar).map((seg) => seg.title).join(" ")))]));
  const known = new Set([...words.values()].flatMap((own) => [...own]));
  const holds = (bar, word) => known.has(word)
    ? words.get(bar).has(word) : [...words.get(bar)].some((own) => own.includes(word));

  // Theme: the system's, or what was chosen here.
  const themes = ["auto", "light", "dark"], button = one(".theme");
  const wear = (theme) => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    button.textContent = "Theme: " + theme;
    try { localStorage.setItem("proof-theme", theme); } catch { /* a file may keep nothing */ }
  };
  try { if (themes.includes(localStorage.getItem("proof-theme"))) wear(localStorage.getItem("proof-theme")); } catch { /* as above */ }

  const copy = async (button) => {
    const pre = one("pre", button.parentElement);
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(pre);
      button.textContent = "Selected: copy it";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  const next = () => {
    const wrong = bars.filter((bar) => shown(bar) && one(".wrong", bar));
    const from = wrong.findIndex((bar) => bar === document.activeElement || bar === opener);
    const bar = wrong[(from + 1) % wrong.length];
    if (bar) { bar.scrollIntoView({ block: "center" }); go(bar); open(evidence(bar.hash), bar); }
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    const article = link && evidence(link.hash);
    if (article) {
      event.preventDefault();
      if (link.matches(".bar")) stop(link);
      open(article, link);
    }
    if (event.target.closest(".shut")) close();
    if (event.target.closest(".copy")) copy(event.target.closest(".copy"));
    if (event.target.closest(".next")) next();
    if (event.target.closest(".theme")) wear(themes[(themes.indexOf(root.dataset.theme || "auto") + 1) % 3]);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel.open) { event.preventDefault(); close(); return; }
    const bar = event.target.closest?.(".bar");
    if (!bar || event.altKey || event.metaKey) return;
    if (event.key === " ") { event.preventDefault(); bar.click(); return; }
    const there = target(bar, event);
    if (!there) return;
    event.preventDefault();
    go(there);
  });
  tools.addEventListener("input", apply);
  tools.addEventListener("change", apply);
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("reset", () => setTimeout(apply));
  addEventListener("hashchange", arrive);
  new ResizeObserver(() => {
    const stuck = getComputedStyle(tools).position === "sticky";
    root.style.setProperty("--tools", stuck ? tools.offsetHeight + "px" : "0px");
  }).observe(tools);
  addEventListener("beforeprint", () => all(".finding details").forEach((part) => { part.open = true; }));
  apply();
  arrive();
})();
