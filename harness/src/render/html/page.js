// The filter above the table, and the way to a case that is linked to.
const rows = [...document.querySelectorAll(".matrix tbody tr[data-words]")];
const articles = new Map([...document.querySelectorAll("article")].map(article => [article.id, article]));
const told = document.getElementById("told");
document.getElementById("filter")?.addEventListener("input", event => {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  const cases = new Set();
  let shown = 0;
  for (const row of rows) {
    const hit = words.every(word => row.dataset.words.includes(word));
    row.hidden = !hit;
    if (hit) { shown++; cases.add(row.dataset.case); }
  }
  for (const [id, article] of articles) article.hidden = words.length > 0 && !cases.has(id);
  for (const subject of document.querySelectorAll(".matrix tr.subject")) {
    let next = subject.nextElementSibling, any = false;
    while (next && !next.classList.contains("subject")) { any ||= !next.hidden; next = next.nextElementSibling; }
    subject.hidden = !any;
  }
  told.textContent = words.length ? `${shown} of ${rows.length} lines` : "";
});
