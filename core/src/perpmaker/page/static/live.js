"use strict";
(() => {
  const { Chart, make, clock } = pmCharts;
  const MOST_POINTS = 2400, STALE_MS = 3000, COLUMNS = ["total", "spread", "inventory", "fees", "funding", "position", "reference", "mark", "bid", "ask", "own_bid", "own_ask"];
  const line = (key, label, color, more) => ({ key, label, color: "--" + color, ...more });
  const SPECS = [
    { title: "Result, and what it came from", signed: true, digits: 4, height: 230, series: [
      line("total", "result", "c1", { width: 2.2 }), line("spread", "spread", "c2"), line("inventory", "inventory", "c3"), line("fees", "fees", "c4"), line("funding", "funding", "c5")] },
    { title: "Price, our quotes and fills", signed: false, height: 280, fills: true, series: [
      line("bid", "best bid", "c6"), line("ask", "best ask", "c6"), line("reference", "reference", "c1"), line("mark", "mark", "c4", { hidden: true }),
      line("own_bid", "our bid", "buy", { width: 2.2 }), line("own_ask", "our ask", "sell", { width: 2.2 })] },
    { title: "Position", signed: true, digits: 4, height: 150, series: [line("position", "position", "c2", { area: true })] },
  ];
  const place = document.getElementById("bots"), state = document.getElementById("state"), said = document.getElementById("said");
  const bots = new Map();
  let heardAt = 0, number = 0, seen = null;

  const put = (element, words) => { if (element.textContent !== words) element.textContent = words; };
  const look = (element, name) => { if (element.className !== name) element.className = name; };
  const digitsOf = (view) => {
    const price = view.sections.flatMap((one) => one.rows).find((row) => row.label === "best bid");
    return price ? (price.words.split(".")[1] || "").length : 2;
  };

  class Bot {
    constructor(id) {
      this.id = id;
      this.fills = [];
      this.curve = null;
      this.x = [];
      this.columns = COLUMNS.map(() => []);
      this.card = make("article", place);
      this.card.setAttribute("aria-labelledby", "h-" + id);
      const head = make("header", this.card);
      this.name = make("h2", head);
      this.name.id = "h-" + id;
      this.where = make("span", head);
      this.mode = make("span", head);
      this.market = make("span", head);
      this.market.className = "soft";
      this.money = make("span", head);
      this.alarm = make("p", this.card);
      this.alarm.className = "lead alarm";
      this.lead = make("p", this.card);
      this.lead.className = "lead";
      this.facts = make("div", this.card);
      this.facts.className = "parts facts";
      this.sections = new Map();
      const levels = make("div", this.card);
      levels.className = "parts levels";
      this.levels = this.table(levels, "Quotes, level by level");
      this.exits = this.table(levels, "Exits");
      this.noQuotes = make("p", levels);
      this.noQuotes.className = "lead";
      const plots = make("div", this.card);
      plots.className = "parts two";
      this.specs = SPECS.map((spec) => {
        const figure = make("figure", plots);
        make("figcaption", figure, spec.title);
        return { ...spec, figure };
      });
      const lists = make("div", plots);
      lists.className = "parts";
      this.filled = this.list(lists, "Fills");
      this.told = this.list(lists, "What was told");
    }
    list(parent, title) {
      const section = make("section", parent);
      make("h3", section, title);
      const list = make("ul", section);
      list.className = "told";
      list.tabIndex = 0;
      list.setAttribute("aria-label", title);
      return list;
    }
    table(parent, title) {
      const frame = make("div", parent);
      frame.className = "scroll";
      frame.tabIndex = 0;
      frame.setAttribute("role", "region");
      frame.setAttribute("aria-label", title);
      const table = make("table", frame);
      table.setAttribute("role", "table");
      make("caption", table, title);
      const head = make("tr", make("thead", table));
      head.setAttribute("role", "row");
      for (const name of ["level", "state", "price", "amount", "ahead", "why"]) {
        const cell = make("th", head, name);
        cell.scope = "col";
        cell.setAttribute("role", "columnheader");
        if (name === "why") cell.className = "words";
        if (name === "ahead") cell.className = "min";
      }
      return { frame, body: make("tbody", table), rows: [] };
    }
    show(bot) {
      const { view } = bot;
      look(this.card, `card bot ${bot.state}`);
      put(this.name, bot.name);
      put(this.where, bot.environment);
      look(this.where, "badge " + (/^[a-z]+$/.test(bot.environment) ? bot.environment : ""));
      put(this.market, bot.market);
      const mode = bot.state === "silent" ? "silent" : bot.state === "gone" ? (view && view.mode === "ended" ? "ended" : "dead") : view ? view.mode : "start";
      if (this.newest !== undefined && this.newest !== mode) put(said, `${bot.name}: ${mode}`);
      this.newest = mode;
      put(this.mode, mode);
      look(this.mode, "badge " + ({ silent: "dead", ended: "stop" }[mode] || mode));
      put(this.alarm, bot.words);
      if (!view) return;
      put(this.lead, view.headline);
      put(this.money, view.result);
      look(this.money, "money " + view.result_tone);
      this.showSections(view.sections);
      this.showLevels(this.levels, view.levels);
      this.showLevels(this.exits, view.exits);
      put(this.noQuotes, view.no_quotes ? `No quotes: ${view.no_quotes}` : "");
      this.showTold(this.told, view.notices.slice().reverse());
      this.grow(bot, view);
    }
    showSections(sections) {
      const names = new Set(sections.map((one) => one.title));
      for (const [title, one] of this.sections) if (!names.has(title)) { one.section.remove(); this.sections.delete(title); }
      for (const { title, rows } of sections) {
        let known = this.sections.get(title);
        if (!known) {
          const section = make("section", this.facts);
          make("h3", section, title);
          known = { section, list: make("dl", section), lines: [] };
          this.sections.set(title, known);
        }
        while (known.lines.length > rows.length) { const [name, words] = known.lines.pop(); name.remove(); words.remove(); }
        rows.forEach((row, index) => {
          if (!known.lines[index]) known.lines.push([make("dt", known.list), make("dd", known.list)]);
          const [name, words] = known.lines[index];
          put(name, row.label);
          put(words, row.words);
          look(words, row.tone);
        });
      }
    }
    showLevels(table, levels) {
      table.frame.hidden = !levels.length;
      while (table.rows.length > levels.length) table.rows.pop().row.remove();
      levels.forEach((level, index) => {
        if (!table.rows[index]) table.rows.push(this.levelRow(table.body));
        const { cells, why, chain } = table.rows[index];
        [level.level, level.state, level.price, level.amount, level.ahead].forEach((words, one) => put(cells[one], words));
        put(why, level.why || "-");
        const reasons = level.reasons.join("\n");
        if (chain.dataset.reasons !== reasons) {
          chain.dataset.reasons = reasons;
          chain.replaceChildren(...level.reasons.map((words) => make("li", null, words)));
        }
      });
    }
    levelRow(body) {
      const row = make("tr", body), first = make("th", row);
      first.scope = "row";
      const cells = [first, ...[1, 2, 3, 4].map(() => make("td", row))];
      cells[4].className = "min";
      const last = make("td", row), details = make("details", last), why = make("summary", details), chain = make("ol", details);
      last.className = "words";
      row.setAttribute("role", "row");
      for (const cell of row.children) cell.setAttribute("role", cell === first ? "rowheader" : "cell");
      return { row, cells, why, chain };
    }
    showTold(list, lines) {
      const words = lines.map((one) => `${one.at}\n${one.text}`).join("\n");
      if (list.dataset.words === words) return;
      list.dataset.words = words;
      list.replaceChildren(...lines.map((one) => {
        const item = make("li");
        make("time", item, one.at);
        make("span", item, one.text);
        return item;
      }));
    }
    grow(bot, view) {
      if (this.curve !== bot.curve || this.x.length > MOST_POINTS) { this.curve = bot.curve; this.fetch(view); return; }
      this.fill(bot.fills);
      if (bot.row && (!this.x.length || bot.row[0] > this.x[this.x.length - 1])) {
        this.x.push(bot.row[0]);
        this.columns.forEach((column, index) => column.push(bot.row[index + 1]));
      }
      this.draw(view);
    }
    async fetch(view) {
      try {
        const answer = await fetch(`history/${this.id}`);
        if (!answer.ok) return;
        const found = await answer.json();
        this.x = found.x;
        this.columns = COLUMNS.map((name) => found.columns[name]);
        this.fills = [];
        this.fill(found.fills);
        this.draw(view);
      } catch { this.curve = null; }
    }
    fill(fills) {
      const known = new Set(this.fills.map((one) => one.key));
      for (const one of fills) if (!known.has(one.key)) this.fills.push(one);
      this.fills = this.fills.slice(-300);
      this.showTold(this.filled, this.fills.slice(-50).reverse().map((one) => ({ at: clock(one.at) + "Z", text: one.words })));
    }
    draw(view) {
      if (!this.x.length) return;
      for (const spec of this.specs) {
        if (!spec.chart) spec.chart = new Chart(spec.figure, { ...spec, group: this.id, digits: spec.digits === undefined ? digitsOf(view) : spec.digits });
        spec.chart.set([this.x, ...spec.series.map((one) => this.columns[COLUMNS.indexOf(one.key)])], spec.fills ? this.fills : []);
      }
    }
  }

  const show = (told) => {
    if (seen !== null && told.number !== number + 1) for (const bot of bots.values()) bot.curve = null;
    number = told.number;
    seen = told;
    const ids = new Set(told.bots.map((bot) => bot.id));
    for (const [id, bot] of bots) if (!ids.has(id)) { bot.card.remove(); bots.delete(id); }
    for (const bot of told.bots) {
      if (!bots.has(bot.id)) bots.set(bot.id, new Bot(bot.id));
      bots.get(bot.id).show(bot);
    }
    place.classList.toggle("many", told.bots.length > 1);
    report();
  };
  const report = () => {
    const isStale = Date.now() - heardAt > STALE_MS;
    document.body.classList.toggle("stale", isStale);
    look(state, isStale ? "alarm" : "soft");
    if (isStale) put(state, heardAt ? `No word from perpmaker web since ${clock(heardAt / 1000)} UTC: what is shown is of then.` : "Connecting ...");
    else if (!seen.bots.length) put(state, "No bot runs. Start one: perpmaker run CONFIG");
    else {
      const running = seen.bots.filter((bot) => bot.state === "runs").length;
      put(state, `${running} of ${seen.bots.length} ${seen.bots.length === 1 ? "bot runs" : "bots run"}.`);
    }
  };
  const stream = new EventSource("events");
  stream.addEventListener("message", (event) => { heardAt = Date.now(); show(JSON.parse(event.data)); });
  stream.addEventListener("full", () => { stream.close(); put(state, "Too many pages are open: close one, and load this one again."); });
  setInterval(report, 500);
})();
