"use strict";
/* Charts of perpmaker's pages, over uPlot: a legend of buttons, a cursor for keys, one time for all charts. */
const pmCharts = (() => {
  const styles = () => getComputedStyle(document.documentElement);
  const make = (name, parent, words) => {
    const element = document.createElement(name);
    if (words !== undefined) element.textContent = words;
    if (parent) parent.append(element);
    return element;
  };
  const pad = (number, width = 2) => String(number).padStart(width, "0");
  const clock = (seconds, withDay) => {
    const at = new Date(seconds * 1000);
    const time = `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())}`;
    return withDay ? `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())} ${time}` : time;
  };
  const number = (value, digits) =>
    value == null ? "-" : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const signed = (value, digits) => (value > 0 ? "+" : "") + number(value, digits);
  const day = "\n{YYYY}-{MM}-{DD}";
  const times = [
    [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
    [3600, "{HH}:{mm}", day, null, "\n{MM}-{DD}", null, null, null, 1],
    [60, "{HH}:{mm}", day, null, "\n{MM}-{DD}", null, null, null, 1],
    [1, "{HH}:{mm}:{ss}", day, null, "\n{MM}-{DD}", null, null, null, 1],
    [0.001, ":{ss}.{fff}", day, null, "\n{MM}-{DD}", null, "\n{HH}:{mm}", null, 1],
  ];
  const all = [];

  const marks = (chart) => (u) => {
    const list = chart.fills;
    if (!list.length) return;
    const { ctx } = u, ratio = devicePixelRatio || 1, style = styles();
    const colors = { 1: style.getPropertyValue("--buy"), "-1": style.getPropertyValue("--sell") };
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    ctx.lineWidth = ratio;
    ctx.strokeStyle = style.getPropertyValue("--card");
    for (const fill of list) {
      if (fill.at < u.scales.x.min || fill.at > u.scales.x.max) continue;
      const x = u.valToPos(fill.at, "x", true), y = u.valToPos(fill.price, "y", true), r = 5 * ratio, s = fill.side;
      ctx.fillStyle = colors[s];
      ctx.beginPath();
      ctx.moveTo(x, y);
      ctx.lineTo(x - r, y + s * 1.8 * r);
      ctx.lineTo(x + r, y + s * 1.8 * r);
      ctx.closePath();
      ctx.fill();
      ctx.stroke();
      if (fill.what && fill.what !== "quote") {
        ctx.strokeStyle = colors[s];
        ctx.beginPath();
        ctx.arc(x, y, r * 1.5, 0, 7);
        ctx.stroke();
        ctx.strokeStyle = style.getPropertyValue("--card");
      }
    }
    ctx.restore();
  };

  class Chart {
    /* spec: {title, unit, digits, signed, height, series: [{label, color, width, dash, hidden, area}], says(index)} */
    constructor(figure, spec) {
      this.spec = spec;
      this.figure = figure;
      this.fills = [];
      this.data = [[], ...spec.series.map(() => [])];
      this.shown = spec.series.map((one) => !one.hidden);
      this.legend = make("div", figure);
      this.legend.className = "legend";
      this.plot = make("div", figure);
      this.plot.className = "plot";
      this.plot.tabIndex = 0;
      this.plot.setAttribute("role", "img");
      this.plot.setAttribute("aria-label", `Chart: ${spec.title}. Arrow keys move along it, + and - zoom, 0 shows all.`);
      this.said = make("div", figure);
      this.said.className = "said";
      this.said.setAttribute("aria-live", "polite");
      this.values = spec.series.map((one, index) => {
        const button = make("button", this.legend);
        button.type = "button";
        make("i", button).style.setProperty("--k", `var(${one.color})`);
        make("span", button, one.label + " ");
        button.setAttribute("aria-pressed", String(this.shown[index]));
        button.addEventListener("click", () => this.toggle(index, button));
        return make("b", button);
      });
      this.whole = make("button", this.legend, "all of it");
      this.whole.type = "button";
      this.whole.hidden = true;
      this.whole.addEventListener("click", () => this.reset());
      this.plot.addEventListener("keydown", (event) => this.key(event));
      this.plot.addEventListener("focus", () => this.u && this.u.cursor.idx == null && this.move(this.data[0].length - 1));
      all.push(this);
      new ResizeObserver(() => this.fit()).observe(this.plot);
    }
    toggle(index, button) {
      this.shown[index] = !this.shown[index];
      button.setAttribute("aria-pressed", String(this.shown[index]));
      if (this.u) this.u.setSeries(index + 1, { show: this.shown[index] });
    }
    options() {
      const style = styles(), color = (name) => style.getPropertyValue(name).trim(), { spec } = this;
      const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
      const widest = (u, values) => (values ? Math.max(...values.map((one) => String(one).length)) * 7 + 16 : 50);
      return {
        width: Math.max(200, this.plot.clientWidth), height: spec.height || 220,
        legend: { show: false },
        cursor: { sync: { key: spec.group || "pm" }, drag: { x: true, y: false, setScale: false }, bind: { dblclick: () => () => this.reset() } },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "UTC"),
        scales: { x: { time: true }, y: { range: (u, low, high) => this.range(low, high) } },
        axes: [{ ...axis, values: times, space: 74 }, { ...axis, size: widest, values: (u, splits) => this.ticks(splits) }],
        series: [{}, ...spec.series.map((one, index) => ({
          label: one.label, show: this.shown[index], stroke: color(one.color), width: one.width || 1.5, dash: one.dash,
          fill: one.area ? color(one.color) + "22" : undefined, points: { show: false }, spanGaps: false,
          paths: uPlot.paths.stepped({ align: 1 }),
        }))],
        hooks: {
          draw: [marks(this)], setCursor: [() => this.say()],
          setScale: [(u, key) => { if (key === "x") this.whole.hidden = this.isWhole(); }],
          setSelect: [(u) => this.selected(u)],
        },
      };
    }
    range(low, high) {
      if (low == null || high == null) return [0, 1];
      if (low === high) { const room = Math.abs(low) * 0.001 || 1; return [low - room, high + room]; }
      const room = (high - low) * 0.06;
      return [low - room, high + room];
    }
    ticks(splits) {
      const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) : 1;
      const digits = Math.max(0, Math.min(10, Math.ceil(-Math.log10(step) - 1e-9)));
      return splits.map((value) => number(value, digits));
    }
    set(data, fills) {
      this.data = data;
      if (fills) this.fills = fills;
      if (!data[0].length) return;
      if (this.u) {
        const { min, max } = this.u.scales.x, isWhole = this.isWhole();
        this.u.setData(data, isWhole);
        if (!isWhole) this.u.setScale("x", { min, max });
      } else this.draw();
      this.say();
    }
    draw() {
      if (this.u) this.u.destroy();
      if (this.data[0].length && this.plot.clientWidth) this.u = new uPlot(this.options(), this.data, this.plot);
    }
    fit() {
      if (!this.u) this.draw();
      else if (this.u.width !== this.plot.clientWidth) this.u.setSize({ width: Math.max(200, this.plot.clientWidth), height: this.u.height });
    }
    ends() { const x = this.u.data[0]; return [x[0], x[x.length - 1]]; }
    isWhole() {
      if (!this.u || this.u.scales.x.min == null) return true;
      const [first, last] = this.ends();
      return this.u.scales.x.min <= first && this.u.scales.x.max >= last;
    }
    each(act) { for (const one of all) if (one.u && one.spec.group === this.spec.group) act(one); }
    show(min, max) { this.each((one) => one.u.setScale("x", { min, max })); }
    reset() { this.each((one) => { const [min, max] = one.ends(); one.u.setScale("x", { min, max }); }); }
    selected(u) {
      const { left, width } = u.select;
      if (width < 4) return;
      const min = u.posToVal(left, "x"), max = u.posToVal(left + width, "x");
      u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      this.show(min, max);
    }
    zoom(factor) {
      const { min, max } = this.u.scales.x, [first, last] = this.ends(), index = this.u.cursor.idx;
      const middle = index == null ? (min + max) / 2 : this.data[0][index], half = ((max - min) * factor) / 2;
      if (half * 2 >= last - first) return this.reset();
      this.show(Math.max(first, middle - half), Math.min(last, middle + half));
    }
    move(index) {
      const x = this.data[0], at = Math.max(0, Math.min(x.length - 1, index)), { u } = this;
      if (x[at] < u.scales.x.min || x[at] > u.scales.x.max) return;
      u.setCursor({ left: u.valToPos(x[at], "x"), top: u.over.clientHeight / 2 });
    }
    key(event) {
      if (!this.u || event.ctrlKey || event.metaKey || event.altKey) return;
      const last = this.data[0].length - 1, index = this.u.cursor.idx == null ? last : this.u.cursor.idx, step = event.shiftKey ? 10 : 1;
      const acts = {
        ArrowLeft: () => this.move(index - step), ArrowRight: () => this.move(index + step), Home: () => this.move(0), End: () => this.move(last),
        "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.reset(), Escape: () => this.reset(),
      };
      if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
    }
    say() {
      const { spec } = this, x = this.data[0], index = this.u && this.u.cursor.idx != null ? this.u.cursor.idx : x.length - 1;
      if (index < 0 || index >= x.length) return;
      this.values.forEach((element, one) => {
        const value = this.data[one + 1][index];
        element.textContent = value == null ? "-" : (spec.signed ? signed : number)(value, spec.digits);
      });
      const words = [`${clock(x[index], true)} UTC`];
      if (this.fills.length && index >= 0) {
        const until = index + 1 < x.length ? x[index + 1] : Infinity;
        const here = this.fills.filter((fill) => fill.at >= x[index] && fill.at < until);
        for (const fill of here.slice(0, 3)) words.push(fill.words);
        if (here.length > 3) words.push(`and ${here.length - 3} more fills`);
      }
      this.said.textContent = words.join(" · ");
    }
  }
  const redraw = () => { for (const chart of all) chart.draw(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  return { Chart, make, clock, number, signed };
})();
