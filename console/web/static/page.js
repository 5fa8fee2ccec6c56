// Everything works without this but the live table's movement; there is no framework and no inline script.

const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

// Destructive forms ask first; the button that was pressed may ask in place of its form.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
    return;
  }
  // A form that should be sent once: the button rests until the page is loaded anew (a download leaves it as it is).
  if ("once" in event.target.dataset) {
    const button = event.submitter ?? $("button", event.target);
    setTimeout(() => { button.disabled = true; });
    setTimeout(() => { button.disabled = false; }, 8000);
  }
});

// Live calls: rows stay where they are and only their cells change, so that neither the keyboard's focus nor a screen
// reader's place is lost.
const table = $("#live");
if (table) {
  const body = $("tbody", table);
  const blank = $("#live-row").content;

  const fill = (row, values) => {
    for (const cell of $$("[data-cell]", row)) {
      const text = values[cell.dataset.cell];
      if (cell.textContent !== text) cell.textContent = text;
    }
    $("[data-cell=state]", row).dataset.connected = values.connected;
    $("a", row).setAttribute("href", `/cards/${values.serial}`);
    const form = $("form", row);
    if (form) {
      form.setAttribute("action", `/calls/${values.id}/hangup`);
      const button = $("button", form);
      button.disabled = values.connected !== "yes";
      button.setAttribute("aria-label", `${button.textContent} ${values.dnis}`);
    }
  };

  const show = ({ rows, summary, away }) => {
    $("#away").hidden = !away;
    if (away) return;
    const known = new Map($$("tr", body).map((row) => [row.dataset.id, row]));
    for (const values of rows) {
      let row = known.get(values.id);
      if (!row) {
        row = blank.cloneNode(true).firstElementChild;
        row.dataset.id = values.id;
        body.append(row);
      }
      known.delete(values.id);
      fill(row, values);
    }
    for (const gone of known.values()) gone.remove();
    $("#summary").textContent = summary;
    $("#none").hidden = rows.length > 0;
  };

  // EventSource connects again by itself, also after the stream's orderly end.
  const source = new EventSource(table.dataset.stream);
  source.addEventListener("calls", (event) => show(JSON.parse(event.data)));
  window.addEventListener("pagehide", () => source.close());
}

// An import's progress.
const progress = $("#progress");
if (progress) {
  const look = async () => {
    const answer = await fetch(progress.dataset.progress);
    if (!answer.ok) return;
    const { running, percent, text } = await answer.json();
    $("progress", progress).value = percent;
    $("[role=status]", progress).textContent = text;
    if (running) setTimeout(look, 400);
    else location.reload();
  };
  setTimeout(look, 300);
}
