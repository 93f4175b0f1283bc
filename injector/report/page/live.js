// A page of a run under way asks whether there is a newer one, and shows the span that was looked at, unless somebody
// reads the requests of a moment.
(() => {
  const told = document.getElementById('live'), view = page.view;
  if (!told) return;
  const kept = JSON.parse(sessionStorage.getItem('span') || 'null');
  if (kept) view.show(...kept);
  setInterval(async () => {
    if (view.chosen) return;
    try {
      const answer = await fetch(location.href, { method: 'HEAD', cache: 'no-store' });
      if (!answer.ok) throw new Error(answer.status);
      if (answer.headers.get('ETag') === `"${told.dataset.tag}"`) return;
      const whole = view.from === 0 && view.to === page.data.until_s;
      sessionStorage.setItem('span', JSON.stringify(whole ? null : [view.from, view.to]));
      location.reload();
    } catch (error) {
      told.textContent = 'This run is over, or it cannot be reached any more. Its report is in its folder.';
    }
  }, 3000);
})();
