"use strict";
(() => {
  const packed = JSON.parse(document.getElementById("data").textContent);
  const unpack = (column) => {
    let sum = 0;
    return column.d.map((step) => (step === null ? null : (sum += step) / column.s));
  };
  const x = unpack(packed.x), columns = {};
  for (const [name, column] of Object.entries(packed.columns)) columns[name] = unpack(column);
  const at = unpack(packed.fills.x), prices = unpack(packed.fills.price);
  const fills = at.map((when, index) => ({
    at: when, price: prices[index], side: packed.fills.side[index], what: packed.kinds[packed.fills.what[index]], words: "",
  }));
  fills.forEach((fill, index) => {
    fill.words = `${fill.side > 0 ? "bought" : "sold"} ${packed.fills.amount[index]} at ${pmCharts.number(fill.price, packed.digits)} (${fill.what || "unknown"})`;
  });
  for (const spec of packed.charts) {
    const figure = document.getElementById(spec.id);
    spec.height = innerWidth < 600 ? Math.min(spec.height, 210) : spec.height;
    const series = spec.series.filter((one) => columns[one.key]);
    if (!figure || !series.length || !x.length) continue;
    const chart = new pmCharts.Chart(figure, { ...spec, series });
    chart.set([x, ...series.map((one) => columns[one.key])], spec.fills ? fills : []);
  }
})();
