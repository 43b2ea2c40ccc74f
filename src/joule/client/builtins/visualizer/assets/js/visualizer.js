// Fills the table from data.json, again and again. All addresses are relative: the page may be
// served below any path.

const NOTHING = "&mdash;";
const rows = document.getElementById("readings");
const status = document.getElementById("status");
const period = document.getElementById("period");
let timer;

function text(value) {
  if (value === NOTHING) return "\u2014";
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : value;
}

function show(readings) {
  rows.replaceChildren(...readings.map((reading) => {
    const row = document.createElement("tr");
    for (const key of ["stream", "element", "value", "min", "max"]) {
      row.insertCell().textContent = text(reading[key]);
    }
    return row;
  }));
}

async function load(address, options) {
  try {
    const answer = await fetch(address, options);
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
    show(await answer.json());
    status.textContent = "";
  } catch (error) {
    status.textContent = `no data: ${error.message}`;
  }
}

async function refresh() {
  clearTimeout(timer);
  await load("data.json");
  timer = setTimeout(refresh, 1000 * Math.max(1, Number(period.value) || 10));
}

period.addEventListener("change", refresh);
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
document.getElementById("reset").addEventListener("click", () => load("reset.json", { method: "POST" }));
refresh();
